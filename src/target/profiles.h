/* Profiles that are part of the library: profiles/….yaml, made into a table at
 * build time (scripts/embed-profiles.sh). */
#ifndef QUERN_TARGET_PROFILES_H
#define QUERN_TARGET_PROFILES_H

struct qn_target_profile {
    const char *name;
    const char *text; /* YAML */
};

/** Ended by a row without a name. */
extern const struct qn_target_profile qn_target_profiles[];

#endif
