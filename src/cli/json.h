/* Results as JSON: one object on standard output. */
#ifndef QUERN_CLI_JSON_H
#define QUERN_CLI_JSON_H

#include "cli.h"

#include <jansson.h>

/** A number; null where JSON has none (infinite, NaN). */
json_t *cli_json_number(double x);

/** A string; bytes that are no UTF-8 are replaced. NULL gives null. */
json_t *cli_json_string(const char *text);

/** Stored warnings, rendered. */
json_t *cli_json_warnings(const struct cli *cli);

/** Error of the outputs and values of a comparison, as `compare` prints. */
json_t *cli_json_comparison(const struct quern_comparison *comparison);

/** Print an object (NULL: no memory was left) and free it. */
enum quern_code cli_json_print(json_t *object);

/** Write an object to a file and free it. */
enum quern_code cli_json_save(struct cli *cli, json_t *object,
                              const char *path);

#endif
