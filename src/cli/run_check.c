/* run --check: outputs against those of ONNX test sets. */
#include "run_check.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

struct cli_bound cli_bound_of(const char *model, double given, bool by_element)
{
    struct cli_bound bound = {1e-3, by_element, "default"};
    const char *slash = strrchr(model, '/');
    char path[4096];
    if (given > 0.0) {
        return (struct cli_bound){given, by_element, "--tol"};
    }
    snprintf(path, sizeof path, "%.*smeta.json",
             slash != NULL ? (int)(slash - model) + 1 : 0, model);
    json_t *meta = json_load_file(path, 0, NULL);
    double told = json_number_value(json_object_get(meta, "tol"));
    if (told > 0.0) {
        bound.tolerance = told;
        bound.source = "meta.json";
    }
    json_decref(meta);
    return bound;
}

/* Largest ratio of a difference to what it may be, 1 at the bound; negative
 * where type, shape, a NaN, an infinity or an integer differs. */
static double excess(const struct quern_tensor *got,
                     const struct quern_tensor *want,
                     const struct cli_bound *bound)
{
    if (quern_tensor_dtype(got) != quern_tensor_dtype(want) ||
        quern_tensor_rank(got) != quern_tensor_rank(want) ||
        memcmp(quern_tensor_dims(got), quern_tensor_dims(want),
               (size_t)quern_tensor_rank(got) * sizeof(int64_t)) != 0) {
        return -1.0;
    }
    if (!quern_dtype_is_float(quern_tensor_dtype(want))) {
        return quern_tensor_equal(got, want) ? 0.0 : -1.0;
    }
    double largest = 0.0;
    double error = 0.0;
    double worst = 0.0;
    for (int64_t i = 0; i < quern_tensor_len(want); i++) {
        double a = 0.0;
        double b = 0.0;
        if (!quern_tensor_read_doubles(got, i, 1, &a) ||
            !quern_tensor_read_doubles(want, i, 1, &b)) {
            return -1.0;
        }
        if (!isfinite(b)) {
            bool same =
                isnan(b) ? isnan(a) : isinf(a) && (a > 0.0) == (b > 0.0);
            if (!same) {
                return -1.0;
            }
            continue;
        }
        if (!isfinite(a)) {
            return -1.0;
        }
        largest = fmax(largest, fabs(b));
        error = fmax(error, fabs(a - b));
        worst = fmax(worst, fabs(a - b) / (1e-7 + bound->tolerance * fabs(b)));
    }
    return bound->by_element ? worst
                             : error / (bound->tolerance * (largest + 1e-6));
}

/* Of lists, the largest of their items. */
static double excess_of_items(const struct quern_tensor *got,
                              const struct quern_tensor *want,
                              const struct cli_bound *bound)
{
    double worst = 0.0;
    if (!quern_tensor_is_list(want)) {
        return quern_tensor_is_list(got) ? -1.0 : excess(got, want, bound);
    }
    if (!quern_tensor_is_list(got) ||
        quern_tensor_len(got) != quern_tensor_len(want) ||
        quern_tensor_is_nothing(got) != quern_tensor_is_nothing(want)) {
        return -1.0;
    }
    for (int64_t i = 0; i < quern_tensor_len(want) && worst >= 0.0; i++) {
        double x = excess(quern_tensor_item(got, (size_t)i),
                          quern_tensor_item(want, (size_t)i), bound);
        worst = x < 0.0 || x > worst ? x : worst;
    }
    return worst;
}

static void tell_output(const struct cli_bound *bound, const char *set,
                        size_t k, double x, bool right, json_t *list)
{
    if (!right) {
        fprintf(stderr, "wrong: %s: output %zu: error %g, tolerance %g%s\n",
                set, k, x < 0.0 ? x : x * bound->tolerance, bound->tolerance,
                x < 0.0 ? " (type, shape or a value that must be equal differs)"
                        : "");
    }
    if (list != NULL) {
        json_t *o = json_object();
        json_object_set_new(o, "output", json_integer((json_int_t)k));
        json_object_set_new(o, "right", json_boolean(right));
        json_object_set_new(o, "error",
                            x < 0.0 ? json_null()
                                    : cli_json_number(x * bound->tolerance));
        json_array_append_new(list, o);
    }
}

/* An output that the model does not have cannot be right. */
static bool has_more(const char *set, size_t n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/output_%zu.pb", set, n);
    return access(path, F_OK) == 0;
}

enum quern_code cli_check_set(struct cli *cli, const struct cli_bound *bound,
                              const struct quern_model *model, const char *set,
                              struct quern_tensor *const *out, size_t n,
                              struct cli_checked *checked)
{
    enum quern_code code = QUERN_OK;
    bool all_right = true;
    json_t *list = cli->json ? json_array() : NULL;
    for (size_t k = 0; k < n && code == QUERN_OK; k++) {
        char path[4096];
        struct quern_tensor *want = NULL;
        snprintf(path, sizeof path, "%s/output_%zu.pb", set, k);
        code = quern_tensor_open_for(
            cli->context, path, quern_graph_output(quern_model_graph(model), k),
            &want);
        if (code != QUERN_OK) {
            break;
        }
        double x = out[k] != NULL ? excess_of_items(out[k], want, bound) : -1.0;
        bool right = x >= 0.0 && x <= 1.0;
        tell_output(bound, set, k, x, right, list);
        all_right = all_right && right;
        quern_tensor_release(&want);
    }
    if (code == QUERN_OK && has_more(set, n)) {
        fprintf(stderr, "wrong: %s: output_%zu.pb: the model has %zu outputs\n",
                set, n, n);
        all_right = false;
    }
    checked->n_sets++;
    checked->n_right += code == QUERN_OK && all_right;
    if (list != NULL) {
        checked->sets = checked->sets != NULL ? checked->sets : json_array();
        json_t *o = json_object();
        json_object_set_new(o, "set", cli_json_string(set));
        json_object_set_new(o, "right", json_boolean(all_right));
        json_object_set_new(o, "outputs", list);
        json_array_append_new(checked->sets, o);
    }
    return code;
}

enum quern_code cli_check_tell(const struct cli *cli,
                               const struct cli_bound *bound,
                               const char *engine, struct cli_checked *checked)
{
    if (!cli->json) {
        printf("%zu of %zu sets right, tolerance %g (%s)%s, %s\n",
               checked->n_right, checked->n_sets, bound->tolerance,
               bound->source, bound->by_element ? " by element" : "", engine);
        return QUERN_OK;
    }
    json_t *o = json_object();
    json_object_set_new(o, "right",
                        json_boolean(checked->n_right == checked->n_sets));
    json_object_set_new(o, "tolerance", cli_json_number(bound->tolerance));
    json_object_set_new(o, "tolerance_from", cli_json_string(bound->source));
    json_object_set_new(o, "rule",
                        cli_json_string(bound->by_element ? "onnx" : "output"));
    json_object_set_new(o, "engine", cli_json_string(engine));
    json_object_set_new(o, "sets", checked->sets);
    checked->sets = NULL;
    return cli_json_print(o);
}
