/* Examining names, and what nodes say of devices: see examine.h. */
#include "io/examine_name.h"

#include "io/examine.h"

#include <string.h>

enum { LONGEST_NAME = 1 << 16 };

/* Bytes of the UTF-8 sequence at s; 0: it is none. */
static size_t sequence(const unsigned char *s)
{
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return n;
}

static const char *name_wrong(const char *name)
{
    const unsigned char *s = (const unsigned char *)name;
    const unsigned char *start = s;
    while (*s != '\0') {
        size_t n = sequence(s);
        if (n == 0) {
            return "has a name that is no UTF-8";
        }
        if (*s < 0x20 || *s == 0x7f) {
            return "has a control character in its name";
        }
        s += n;
    }
    return s - start > LONGEST_NAME ? "has a name of over 64 KiB" : NULL;
}

void qn_examine_names(struct qn_reader *r, const struct quern_graph *graph,
                      const struct quern_place *where)
{
    struct quern_place place = *where;
    for (const struct quern_value *v = graph->first_value; v != NULL;
         v = v->next_value) {
        const char *wrong = name_wrong(v->name);
        if (wrong != NULL) {
            place.tensor = v->name;
            qn_find_warning(r->findings, &place, "value %s", wrong);
        }
    }
    for (const struct quern_node *n = graph->first; n != NULL; n = n->next) {
        const char *wrong = name_wrong(n->name);
        if (wrong != NULL) {
            place = quern_node_place(n);
            qn_find_warning(r->findings, &place, "node %s", wrong);
        }
    }
}

/* -------------------------------------------------------------- devices */

static bool names_value(const Onnx__NodeProto *p, const char *name)
{
    for (size_t i = 0; i < p->n_input; i++) {
        if (strcmp(p->input[i], name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < p->n_output; i++) {
        if (strcmp(p->output[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static const Onnx__DeviceConfigurationProto *
configuration(const struct qn_reader *r, const char *id)
{
    for (size_t i = 0; i < r->proto->n_configuration; i++) {
        const char *name = r->proto->configuration[i]->name;
        if (name != NULL && strcmp(name, id) == 0) {
            return r->proto->configuration[i];
        }
    }
    return NULL;
}

void qn_examine_node(struct qn_reader *r, const Onnx__NodeProto *p,
                     const struct quern_node *node)
{
    for (size_t i = 0; i < p->n_device_configurations; i++) {
        const Onnx__NodeDeviceConfigurationProto *c =
            p->device_configurations[i];
        const char *id = c->configuration_id != NULL ? c->configuration_id : "";
        struct quern_place place = quern_node_place(node);
        place.offset = (int64_t)p->quern_offset;
        if (configuration(r, id) == NULL) {
            qn_find_warning(r->findings, &place,
                            "node has settings for device configuration '%s', "
                            "which the model does not have",
                            id);
        }
        for (size_t k = 0; k < c->n_sharding_spec; k++) {
            const char *tensor = c->sharding_spec[k]->tensor_name;
            if (tensor == NULL || !names_value(p, tensor)) {
                place.tensor = tensor;
                qn_find_warning(r->findings, &place,
                                "node shards a tensor that is neither its "
                                "input nor its output");
            }
        }
    }
}
