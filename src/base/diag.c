/* The context: its life, its store of messages, its children. */
#include "base/diag.h"

#include "base/map.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MESSAGES_MAX = 1000 };

#define END_OF(member)                                                         \
    (offsetof(struct quern_context_options, member) +                          \
     sizeof((struct quern_context_options *)NULL)->member)

static int available_processors(void)
{
    cpu_set_t set;
    int count = 0;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        count = CPU_COUNT(&set);
    }
    return count > 0 ? count : 1;
}

enum quern_code
quern_context_create(const struct quern_context_options *options,
                     struct quern_context **out_context)
{
    static const struct quern_context_options defaults;
    const struct quern_context_options *o = options ? options : &defaults;
    if (o->n_threads < 0) {
        return QUERN_INVALID_ARGUMENT;
    }
    struct quern_context *context = qn_calloc(sizeof *context);
    if (context == NULL) {
        return QUERN_NO_MEMORY;
    }
    context->n_threads =
        o->n_threads > 0 ? o->n_threads : available_processors();
    context->max_memory = o->max_memory > 0 ? o->max_memory : UINT64_C(4) << 30;
    context->copy_files = o->copy_files;
    context->progress = o->progress;
    context->message = o->message;
    context->user = o->user;
    /* Appended ones: callers of an older header have a shorter struct. */
    if (o->struct_size >= END_OF(batch_axes)) {
        context->batch_axes = o->batch_axes;
    }
    if (o->struct_size >= END_OF(engine_places)) {
        context->engine_places = o->engine_places;
    }
    atomic_init(&context->cancelled, false);
    atomic_init(&context->abandoned, false);
    *out_context = context;
    return QUERN_OK;
}

void quern_context_destroy(struct quern_context **context)
{
    struct quern_context *c = context != NULL ? *context : NULL;
    if (c == NULL) {
        return;
    }
    *context = NULL;
    if (c->registry_release != NULL) {
        c->registry_release(c->registry);
    }
    quern_clear(c);
    qn_arena_finish(&c->diag.arena);
    for (struct qn_places *p = atomic_load(&c->places.next); p != NULL;) {
        struct qn_places *next = atomic_load(&p->next);
        qn_free(p);
        p = next;
    }
    qn_free(c);
}

void quern_context_cancel(struct quern_context *context)
{
    atomic_store(&context->cancelled, true);
}

int quern_context_threads(const struct quern_context *context)
{
    return context->n_threads;
}

int64_t qn_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

enum quern_code qn_poll(struct quern_context *context)
{
    struct quern_context *root = context;
    while (root->parent != NULL) {
        root = root->parent;
    }
    if (atomic_load_explicit(&root->cancelled, memory_order_relaxed)) {
        return quern_fail(context, QUERN_CANCELLED, NULL, "cancelled");
    }
    return context->deadline == 0 || qn_clock() < context->deadline
               ? QUERN_OK
               : quern_fail(context, QUERN_LIMIT, NULL,
                            "stopped: takes too long");
}

void qn_progress(struct quern_context *context, const char *what, uint64_t done,
                 uint64_t total)
{
    if (context->progress != NULL) {
        context->progress(context->user, what, done, total);
    }
}

/* ------------------------------------------------------------- messages */

const struct quern_message *quern_error(const struct quern_context *context)
{
    return context->diag.has_error ? &context->diag.error : NULL;
}

size_t quern_n_messages(const struct quern_context *context)
{
    return context->diag.n_messages;
}

const struct quern_message *quern_message(const struct quern_context *context,
                                          size_t i)
{
    return i < context->diag.n_messages ? &context->diag.messages[i] : NULL;
}

size_t quern_n_dropped(const struct quern_context *context)
{
    return context->diag.n_dropped;
}

void quern_clear(struct quern_context *context)
{
    struct qn_diag *diag = &context->diag;
    qn_free(diag->messages);
    diag->messages = NULL;
    diag->n_messages = 0;
    diag->messages_room = 0;
    diag->n_dropped = 0;
    diag->has_error = false;
    qn_arena_reset(&diag->arena);
}

/* Copy a string; what cannot be copied is left out. */
static const char *keep(struct qn_arena *arena, const char *text)
{
    return text != NULL ? qn_arena_strdup(arena, text) : NULL;
}

static struct quern_place keep_place(struct qn_arena *arena,
                                     const struct quern_place *place)
{
    struct quern_place copy = QUERN_PLACE_NONE;
    if (place == NULL) {
        return copy;
    }
    copy = *place;
    copy.stage = keep(arena, place->stage);
    copy.pass = keep(arena, place->pass);
    copy.file = keep(arena, place->file);
    copy.graph = keep(arena, place->graph);
    copy.node = keep(arena, place->node);
    copy.op = keep(arena, place->op);
    copy.tensor = keep(arena, place->tensor);
    copy.attribute = keep(arena, place->attribute);
    return copy;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A warning that is stored already: models are opened more than once. */
static bool is_stored(const struct qn_diag *diag, const struct quern_message *m)
{
    for (size_t i = 0; i < diag->n_messages; i++) {
        const struct quern_message *k = &diag->messages[i];
        if (k->severity == m->severity && same(k->text, m->text) &&
            same(k->place.file, m->place.file) &&
            same(k->place.pass, m->place.pass) &&
            same(k->place.graph, m->place.graph) &&
            same(k->place.node, m->place.node) &&
            k->place.node_id == m->place.node_id &&
            same(k->place.tensor, m->place.tensor) &&
            same(k->place.attribute, m->place.attribute) &&
            k->place.offset == m->place.offset &&
            k->place.line == m->place.line &&
            k->place.column == m->place.column) {
            return true;
        }
    }
    return false;
}

static void append(struct quern_context *context,
                   const struct quern_message *message)
{
    struct qn_diag *diag = &context->diag;
    if (message->severity == QUERN_SEVERITY_WARNING &&
        is_stored(diag, message)) {
        return;
    }
    if (diag->n_messages == MESSAGES_MAX) {
        diag->n_dropped++;
        return;
    }
    if (diag->n_messages == diag->messages_room) {
        size_t room = diag->messages_room == 0 ? 8 : diag->messages_room * 2;
        void *grown =
            qn_realloc_n(diag->messages, room, sizeof *diag->messages);
        if (grown == NULL) {
            diag->n_dropped++;
            return;
        }
        diag->messages = grown;
        diag->messages_room = room;
    }
    diag->messages[diag->n_messages++] = *message;
    if (context->message != NULL) {
        context->message(context->user, message);
    }
}

/* The text of a report; where the arena is exhausted, the reserve. */
static const char *format_text(struct qn_diag *diag, const char *format,
                               va_list args) QUERN_PRINTF(2, 0);

static const char *format_text(struct qn_diag *diag, const char *format,
                               va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(diag->reserve, sizeof diag->reserve, format, args);
    char *text =
        size < 0 ? NULL : qn_arena_alloc(&diag->arena, (size_t)size + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)size + 1, format, again);
    }
    va_end(again);
    return text != NULL ? text : diag->reserve;
}

static void report(struct quern_context *context, enum quern_severity severity,
                   enum quern_code code, const struct quern_place *place,
                   const char *format, va_list args) QUERN_PRINTF(5, 0);

static void report(struct quern_context *context, enum quern_severity severity,
                   enum quern_code code, const struct quern_place *place,
                   const char *format, va_list args)
{
    struct qn_diag *diag = &context->diag;
    struct quern_message message = {
        .severity = severity,
        .code = code,
        .place = keep_place(&diag->arena, place),
        .text = format_text(diag, format, args),
    };
    if (severity == QUERN_SEVERITY_ERROR && !diag->has_error) {
        diag->error = message;
        diag->has_error = true;
        return;
    }
    if (severity == QUERN_SEVERITY_ERROR) {
        message.severity = QUERN_SEVERITY_NOTE;
    }
    append(context, &message);
}

enum quern_code quern_fail(struct quern_context *context, enum quern_code code,
                           const struct quern_place *place, const char *format,
                           ...)
{
    va_list args;
    va_start(args, format);
    report(context, QUERN_SEVERITY_ERROR, code, place, format, args);
    va_end(args);
    return code;
}

void quern_warn(struct quern_context *context, const struct quern_place *place,
                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(context, QUERN_SEVERITY_WARNING, QUERN_OK, place, format, args);
    va_end(args);
}

void quern_note(struct quern_context *context, const struct quern_place *place,
                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(context, QUERN_SEVERITY_NOTE, QUERN_OK, place, format, args);
    va_end(args);
}

const char *quern_nearest_name(const char *wanted, const char *const *names)
{
    return qn_nearest_name(wanted, names);
}

void quern_error_place(struct quern_context *context,
                       const struct quern_place *place)
{
    struct qn_diag *diag = &context->diag;
    if (!diag->has_error) {
        return;
    }
    struct quern_place add = keep_place(&diag->arena, place);
    struct quern_place *p = &diag->error.place;
    p->stage = p->stage != NULL ? p->stage : add.stage;
    p->pass = p->pass != NULL ? p->pass : add.pass;
    p->file = p->file != NULL ? p->file : add.file;
    p->offset = p->offset >= 0 ? p->offset : add.offset;
    p->line = p->line >= 0 ? p->line : add.line;
    p->column = p->column >= 0 ? p->column : add.column;
    p->graph = p->graph != NULL ? p->graph : add.graph;
    p->tensor = p->tensor != NULL ? p->tensor : add.tensor;
    p->attribute = p->attribute != NULL ? p->attribute : add.attribute;
    if (p->op == NULL) {
        p->node = add.node;
        p->op = add.op;
        p->node_id = add.node_id;
    }
}

enum quern_code qn_no_memory(struct quern_context *context)
{
    struct qn_diag *diag = &context->diag;
    if (!diag->has_error) {
        struct quern_place nowhere = QUERN_PLACE_NONE;
        diag->error = (struct quern_message){
            QUERN_SEVERITY_ERROR, QUERN_NO_MEMORY, nowhere, "out of memory"};
        diag->has_error = true;
    }
    return QUERN_NO_MEMORY;
}

/* ------------------------------------------------------------- children */

void qn_context_init_child(struct quern_context *child,
                           struct quern_context *parent)
{
    memset(child, 0, sizeof *child);
    child->max_memory = parent->max_memory;
    child->n_threads = 1;
    child->copy_files = parent->copy_files;
    child->parent = parent;
    atomic_init(&child->cancelled, false);
    atomic_init(&child->abandoned, false);
}

void qn_context_finish_child(struct quern_context *child)
{
    quern_clear(child);
    qn_arena_finish(&child->diag.arena);
}

static void forward(struct quern_context *parent,
                    const struct quern_message *message)
{
    struct quern_message copy = *message;
    copy.place = keep_place(&parent->diag.arena, &message->place);
    copy.text = keep(&parent->diag.arena, message->text);
    copy.text = copy.text != NULL ? copy.text : "out of memory";
    if (copy.severity == QUERN_SEVERITY_ERROR && !parent->diag.has_error) {
        parent->diag.error = copy;
        parent->diag.has_error = true;
        return;
    }
    append(parent, &copy);
}

void qn_context_join(struct quern_context *parent, struct quern_context *child)
{
    if (child->diag.has_error) {
        forward(parent, &child->diag.error);
    }
    for (size_t i = 0; i < child->diag.n_messages; i++) {
        forward(parent, &child->diag.messages[i]);
    }
    parent->diag.n_dropped += child->diag.n_dropped;
}
