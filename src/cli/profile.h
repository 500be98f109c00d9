/* The table of `run --profile`. */
#ifndef QUERN_CLI_PROFILE_H
#define QUERN_CLI_PROFILE_H

#include "cli.h"

/** Time by node and by operator, the longest first, on stdout. */
enum quern_code cli_print_profile(const struct quern_runner *runner,
                                  struct quern_model *model, bool json);

#endif
