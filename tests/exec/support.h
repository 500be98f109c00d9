/* Small models and random data for the tests of the engine. */
#ifndef QUERN_TESTS_EXEC_SUPPORT_H
#define QUERN_TESTS_EXEC_SUPPORT_H

#include <quern/quern.h>

#include "qtest.h"

/** A model of one input x and one output y, which begins as Identity. */
struct net {
    struct quern_context *context;
    struct quern_model *model;
    struct quern_graph *graph;
    struct quern_node *last; /* the Identity that makes y */
    struct quern_value *x;
    struct quern_value *at; /* what y is a copy of */
};

void net_open(struct net *net);
void net_open_in(struct net *net, const struct quern_context_options *options);
void net_close(struct net *net);

/** A constant of random floats in [-1, 1), or of given ones. */
struct quern_value *net_random(struct net *net, int rank, const int64_t *dims);
struct quern_value *net_scalar(struct net *net, float value);

/** A node behind `net->at`, which becomes its output. `others` are further
 * inputs, NULL-ended. */
struct quern_node *net_add(struct net *net, const char *op,
                           struct quern_value *const *others);
void set_ints(struct quern_node *node, const char *name, size_t n,
              const int64_t *values);
void set_int(struct quern_node *node, const char *name, int64_t value);

/** A tensor of random floats. */
struct quern_tensor *random_floats(struct quern_context *context, int rank,
                                   const int64_t *dims);
uint32_t random_below(uint32_t n);

/** Run once; NULL when it fails. */
struct quern_tensor *net_run(struct net *net, const char *backend, bool fuse,
                             struct quern_tensor *x);

/** Greatest difference over greatest value. */
double distance(const struct quern_tensor *a, const struct quern_tensor *b);

#endif
