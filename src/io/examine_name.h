/* Names of values and nodes, of a graph that has been read. */
#ifndef QUERN_IO_EXAMINE_NAME_H
#define QUERN_IO_EXAMINE_NAME_H

#include "io/reader.h"

/** Warn of names that are no UTF-8, hold control characters or are huge. */
void qn_examine_names(struct qn_reader *reader, const struct quern_graph *graph,
                      const struct quern_place *where);

#endif
