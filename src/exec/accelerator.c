/* The accelerator of the embedded engine, and fusing for it. */
#include "exec/prepare.h"

#include <stdio.h>
#include <string.h>

enum quern_code qn_accelerator_open(struct quern_engine *engine,
                                    const char *backend)
{
    if (backend != NULL && strcmp(backend, "plain") != 0) {
        return quern_fail(engine->context, QUERN_NOT_FOUND, NULL,
                          "engine backend '%s' is not there, have: plain",
                          backend);
    }
    snprintf(engine->description, sizeof engine->description,
             "embedded (plain C, x86-64-%s)", engine->kernels->name);
    return QUERN_OK;
}

void qn_accelerator_close(struct quern_engine *engine)
{
    (void)engine;
}

enum quern_code qn_fuse(struct quern_engine *engine, struct qn_program *program)
{
    (void)engine;
    (void)program;
    return QUERN_OK;
}
