/** @file version.h
 * Version of the library, at compile time and at run time. Tier: stable.
 */
#ifndef QUERN_VERSION_H
#define QUERN_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

/** Marks every symbol that libquern exports. */
#define QUERN_API __attribute__((visibility("default")))

#define QUERN_VERSION_MAJOR 0
#define QUERN_VERSION_MINOR 1
#define QUERN_VERSION_PATCH 0
#define QUERN_VERSION "0.1.0"

/** Version of the running library.
 *
 * @return "MAJOR.MINOR.PATCH", static storage. Thread-safe. Since 0.1.
 */
QUERN_API const char *quern_version(void);

#ifdef __cplusplus
}
#endif

#endif
