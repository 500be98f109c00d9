/* What inference keeps between two walks, behind quern_model.infer. */
#ifndef QUERN_INFER_STATE_H
#define QUERN_INFER_STATE_H

#include "infer/infer.h"

/** Of a value, by id. */
struct qn_infer_value {
    const struct quern_number *numbers; /* in the model's arena; NULL none */
    const struct qn_type *source; /* initializer: type that `numbers` were read
                                     for (a new tensor has a new type) */
    uint32_t n_numbers;
    bool looked; /* initializer: numbers hold for `source` */
};

struct qn_infer {
    bool valid;
    bool complete;   /* what is not touched (ir/index.h) is known already */
    uint64_t serial; /* of the journal, when the last walk began */
    struct qn_infer_value *values;
    size_t values_room;
    uint64_t *signatures; /* of nodes, by id; 0: none */
    size_t signatures_room;
    size_t budget;           /* nodes that may still be looked at in bodies */
    size_t n_calls;          /* the same in functions */
    struct qn_map functions; /* by "domain.name:overload", of one walk */
    struct qn_arena keys;    /* of that map */
    bool exhausted; /* it was not enough: outputs of bodies are not known */
    qn_infer_report_fn report; /* NULL: not checking */
    int n_branches; /* of If that the walk is in: perhaps never taken */
    void *user;
};

/** Entry of a value; the tables have room for every id of the model. */
static inline struct qn_infer_value *
qn_infer_entry(struct qn_infer *state, const struct quern_value *value)
{
    return &state->values[value->id];
}

#endif
