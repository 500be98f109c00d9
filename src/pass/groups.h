/* Named groups of passes. */
#ifndef QUERN_PASS_GROUPS_H
#define QUERN_PASS_GROUPS_H

/** Pipeline that a name stands for, or NULL when it is no group. */
const char *qn_pass_group(const char *name);

#endif
