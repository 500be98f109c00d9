/* quern doctor: what this machine and this build can do. */
#include "json.h"

#include <string.h>

/* A model of one Relu: enough to make an engine say what it is. */
static const unsigned char relu[] = {
    0x08, 0x07, 0x3a, 0x33, 0x0a, 0x0c, 0x0a, 0x01, 0x78, 0x12, 0x01,
    0x79, 0x22, 0x04, 0x52, 0x65, 0x6c, 0x75, 0x12, 0x01, 0x67, 0x5a,
    0x0f, 0x0a, 0x01, 0x78, 0x12, 0x0a, 0x0a, 0x08, 0x08, 0x01, 0x12,
    0x04, 0x0a, 0x02, 0x08, 0x01, 0x62, 0x0f, 0x0a, 0x01, 0x79, 0x12,
    0x0a, 0x0a, 0x08, 0x08, 0x01, 0x12, 0x04, 0x0a, 0x02, 0x08, 0x01,
    0x42, 0x04, 0x0a, 0x00, 0x10, 0x0d};

struct engine {
    char text[2048];    /* what it is, or why it is not there */
    char library[2048]; /* its path, where it is a library */
    char lacks[2048];   /* what it warns of */
    bool is_there;
};

static struct engine probe(struct cli *cli, enum quern_engine_kind kind)
{
    struct engine found = {"", "", "", false};
    struct quern_model *model = NULL;
    struct quern_engine *engine = NULL;
    struct quern_engine_options o = {
        .struct_size = sizeof o, .kind = kind, .ort_library = cli->ort_library};
    enum quern_code code =
        quern_model_open_memory(cli->context, relu, sizeof relu, NULL, &model);
    if (code == QUERN_OK) {
        code = quern_engine_open(model, &o, &engine);
    }
    if (code == QUERN_OK) {
        found.is_there = true;
        snprintf(found.text, sizeof found.text, "%s",
                 quern_engine_description(engine));
        const char *library = quern_engine_library(engine);
        snprintf(found.library, sizeof found.library, "%s",
                 library != NULL ? library : "");
        const struct quern_message *warning = quern_message(cli->context, 0);
        snprintf(found.lacks, sizeof found.lacks, "%s",
                 warning != NULL ? warning->text : "");
    } else {
        const struct quern_message *error = quern_error(cli->context);
        snprintf(found.text, sizeof found.text, "%s",
                 error != NULL ? error->text : quern_code_name(code));
    }
    quern_engine_close(&engine);
    quern_model_destroy(&model);
    quern_clear(cli->context);
    return found;
}

/* Integer products of this processor: where u8 x s8 is added in 16 bits, files
 * with large weights saturate. */
static const char *integer_products(bool *out_saturates)
{
    *out_saturates = false;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vnni")) {
        return "AVX-512 VNNI: 32-bit sums, target ort-cpu-x64";
    }
    char line[8192];
    FILE *file = fopen("/proc/cpuinfo", "r");
    bool vnni = false;
    while (file != NULL && !vnni && fgets(line, sizeof line, file) != NULL) {
        vnni = strstr(line, " avx_vnni") != NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (vnni) {
        return "AVX-VNNI: 32-bit sums, target ort-cpu-x64";
    }
    *out_saturates = true;
    return "no VNNI: 16-bit sums that may saturate, target ort-cpu-avx2";
#elif defined(__aarch64__)
    return "target ort-cpu-arm";
#else
    return "not known";
#endif
}

/* Why the engine runs without oneDNN; NULL: it has it, or does not run at all.
 */
static const char *without_onednn(const struct engine *cpu)
{
    if (!cpu->is_there || strstr(cpu->text, "oneDNN") != NULL) {
        return NULL;
    }
    return *cpu->lacks != '\0'
               ? cpu->lacks
               : "built without oneDNN, runs take several times as long: "
                 "install libdnnl and build again";
}

static enum quern_code print_json(struct cli *cli, const struct engine *cpu,
                                  const struct engine *ort)
{
    bool saturates = false;
    const char *products = integer_products(&saturates);
    json_t *o = json_object();
    json_object_set_new(o, "version", cli_json_string(quern_version()));
    json_object_set_new(o, "abi", json_integer(QUERN_ABI));
    json_object_set_new(o, "threads",
                        json_integer(quern_context_threads(cli->context)));
    json_object_set_new(o, "embedded_engine", cli_json_string(cpu->text));
    json_object_set_new(
        o, "onednn",
        json_boolean(cpu->is_there && without_onednn(cpu) == NULL));
    json_object_set_new(o, "onednn_text", cli_json_string(without_onednn(cpu)));
    json_object_set_new(o, "onnx_runtime", json_boolean(ort->is_there));
    json_object_set_new(o, "onnx_runtime_text", cli_json_string(ort->text));
    json_object_set_new(o, "onnx_runtime_library",
                        ort->is_there ? cli_json_string(ort->library)
                                      : json_null());
    json_object_set_new(o, "integer_products", cli_json_string(products));
    json_object_set_new(o, "saturates", json_boolean(saturates));
    json_object_set_new(o, "max_nesting", json_integer(QN_MAX_NESTING));
    return cli_json_print(o);
}

int cmd_doctor(int argc, char **argv)
{
    struct cli cli = {0};
    bool saturates = false;
    enum quern_code code =
        cli_parse(&cli, argc, argv, NULL, NULL, NULL, "",
                  "What this machine and this build of quern can do: engines, "
                  "threads, limits.",
                  0, 0);
    if (code != QUERN_OK) {
        return cli_finish(&cli, code);
    }
    struct engine cpu = probe(&cli, QUERN_ENGINE_CPU);
    struct engine ort = probe(&cli, QUERN_ENGINE_ORT);
    if (cli.json) {
        return cli_finish(&cli, print_json(&cli, &cpu, &ort));
    }
    printf("quern         %s, plugin interface %d\n", quern_version(),
           QUERN_ABI);
    printf("engine        %s%s\n", cpu.is_there ? "" : "no: ", cpu.text);
    const char *lacks = without_onednn(&cpu);
    if (lacks != NULL) {
        printf("              %s\n", lacks);
    }
    printf("ONNX Runtime  %s%s%s%s\n", ort.is_there ? "" : "no: ", ort.text,
           ort.is_there ? ", " : "", ort.library);
    printf("processor     %s\n", integer_products(&saturates));
    printf("threads       %d\n", quern_context_threads(cli.context));
    printf("limits        %d levels of messages in a model file, 4 GiB for a "
           "run\n",
           QN_MAX_NESTING);
    return cli_finish(&cli, code);
}
