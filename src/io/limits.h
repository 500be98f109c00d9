/* Limits of the readers, and the numbers of quern's own skeleton fields. */
#ifndef QUERN_IO_LIMITS_H
#define QUERN_IO_LIMITS_H

/** Message levels; Google's readers stop at 100 below the root. */
#ifndef QN_MAX_NESTING
#define QN_MAX_NESTING 100
#endif

/** Newest IR version that the schema in proto/ covers. */
enum { QN_NEWEST_IR = 14 };

enum {
    QN_FIELD_RAW_DATA = 9, /* of TensorProto */
    QN_FIELD_OFFSET = 536870001,
    QN_FIELD_SIZE = 536870002,
    QN_FIELD_RAW_OFFSET = 536870003,
    QN_FIELD_RAW_SIZE = 536870004,
};

#endif
