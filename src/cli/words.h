/* The words of a command line, before argp reads them. */
#ifndef QUERN_CLI_WORDS_H
#define QUERN_CLI_WORDS_H

#include "cli.h"

/** Refuse unknown options, with the nearest name, and values that are
 * missing or empty.
 * @param rows  all options of the verb, ended by {0} */
enum quern_code cli_check_words(struct cli *cli, int argc, char **argv,
                                const struct argp_option *rows)
    __attribute__((warn_unused_result));

#endif
