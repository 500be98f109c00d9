/* Findings: counting and handing on. */
#include "ir/findings.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_SIZE = 1024 };

bool qn_findings_full(const struct qn_findings *f)
{
    return f->most != 0 && f->n_errors >= f->most;
}

static void hand_on(struct qn_findings *f, enum quern_severity severity,
                    const struct quern_place *place, const char *text)
{
    static const struct quern_place nowhere = QUERN_PLACE_NONE;
    if (f->report != NULL) {
        struct quern_message message = {
            .severity = severity,
            .code = severity == QUERN_SEVERITY_ERROR ? QUERN_INVALID_MODEL
                                                     : QUERN_OK,
            .place = place != NULL ? *place : nowhere,
            .text = text,
        };
        f->report(f->user, &message);
    } else if (severity == QUERN_SEVERITY_ERROR) {
        (void)!quern_fail(f->context, f->code, place, "%s", text);
    } else {
        quern_warn(f->context, place, "%s", text);
    }
}

void qn_find_error(struct qn_findings *f, const struct quern_place *place,
                   const char *format, ...)
{
    bool tell = !f->silent && !qn_findings_full(f);
    f->n_errors++;
    if (tell) {
        char text[TEXT_SIZE];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        hand_on(f, QUERN_SEVERITY_ERROR, place, text);
    }
}

void qn_find_warning(struct qn_findings *f, const struct quern_place *place,
                     const char *format, ...)
{
    f->n_warnings++;
    if (!f->silent) {
        char text[TEXT_SIZE];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        hand_on(f, QUERN_SEVERITY_WARNING, place, text);
    }
}
