/* Mutants of protobuf files: bytes that are wrong, and messages that parse but
 * mean something else. The same seed gives the same mutant everywhere. */
#ifndef QUERN_TESTS_MALFORMED_MUTANT_H
#define QUERN_TESTS_MALFORMED_MUTANT_H

#include <stddef.h>
#include <stdint.h>

struct mutant {
    unsigned char *data;
    size_t size;
    size_t room;
};

/** Make mutant number `seed` of some bytes; freed by mutant_finish().
 * Odd numbers change raw bytes, even ones fields of messages. */
void mutant_make(const unsigned char *data, size_t size, uint64_t seed,
                 struct mutant *out);
void mutant_finish(struct mutant *mutant);

/** The next number of a generator (splitmix64). */
uint64_t mutant_random(uint64_t *state);

#endif
