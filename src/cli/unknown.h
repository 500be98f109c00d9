/* Operators that quern does not know: what is told of them. */
#ifndef QUERN_CLI_UNKNOWN_H
#define QUERN_CLI_UNKNOWN_H

#include "json.h"

/** Tell on stdout which operators of the graph and its bodies are not known,
 * and that they were kept; nothing when all are known. */
void cli_print_unknown(struct quern_graph *graph);

/** The same as a list: operator, number of nodes, name of the first. */
json_t *cli_json_unknown(struct quern_graph *graph);

#endif
