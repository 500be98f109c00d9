/* Fusing chains of operators. */
#include "exec/prepare.h"

enum quern_code qn_fuse(struct quern_engine *engine, struct qn_program *program)
{
    (void)engine;
    (void)program;
    return QUERN_OK;
}
