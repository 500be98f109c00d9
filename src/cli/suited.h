/* Is a model one that `quantize` can do something for? */
#ifndef QUERN_CLI_SUITED_H
#define QUERN_CLI_SUITED_H

#include "cli.h"

/** Refuse a model that is quantized already, or computes in half precision.
 * @return QUERN_OK; _UNSUPPORTED with what is possible instead */
enum quern_code cli_check_suited(struct cli *cli,
                                 const struct quern_model *model);

/** Warn when quantizing has put no integer into the model. */
void cli_warn_unquantized(struct cli *cli, const struct quern_model *model);

#endif
