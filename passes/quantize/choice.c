/* How ranges are chosen: from calibrate to insert-qdq. */
#include "quantize/choice.h"

#include <quern/quant.h>

static struct quern_table *table_of(struct quern_model *model)
{
    struct quern_table *table = NULL;
    enum quern_code code =
        quern_table_open(model, "quern.range-choice", QUERN_TABLE_VALUE,
                         sizeof(struct qn_choice), &table);
    return code == QUERN_OK ? table : NULL;
}

enum quern_code qn_choice_set(struct quern_model *model,
                              const struct qn_choice *choice)
{
    struct quern_table *table = table_of(model);
    return table != NULL ? quern_table_set(table, 0, choice) : QUERN_NO_MEMORY;
}

struct qn_choice qn_choice_get(struct quern_model *model)
{
    const struct quern_table *table = table_of(model);
    const struct qn_choice *choice =
        table != NULL ? quern_table_get(table, 0) : NULL;
    struct qn_choice plain = {QUERN_RANGE_MSEF, 99.999};
    return choice != NULL ? *choice : plain;
}
