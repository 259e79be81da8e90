/* status.c - see status.h. */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Control characters (also DEL) become '?', broken UTF-8 is cut: the text goes to a terminal. */
static void make_printable(char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
    text[utf8_floor(text, len)] = '\0';
}

static void set_text(cairn_error *err, cairn_status code, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void set_text(cairn_error *err, cairn_status code, const char *fmt, va_list ap)
{
    err->code = code;
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    make_printable(err->text);
}

cairn_status cairn_fail(cairn_error *err, cairn_status code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        set_text(err, code, fmt, ap);
        va_end(ap);
    }
    return code;
}

cairn_status cairn_error_prefix(cairn_error *err, const char *fmt, ...)
{
    cairn_error old;
    va_list ap;
    size_t used;

    if (!err)
        return CAIRN_OK;
    old = *err;
    va_start(ap, fmt);
    set_text(err, old.code, fmt, ap);
    va_end(ap);
    used = strlen(err->text);
    bool joined = used >= 2 && !strcmp(err->text + used - 2, ": ");
    snprintf(err->text + used, sizeof err->text - used, "%s%s", joined ? "" : ": ", old.text);
    make_printable(err->text);
    return err->code;
}

cairn_status cairn_fail_errno(cairn_error *err, int errnum, const char *fmt, ...)
{
    cairn_status code = CAIRN_EIO;

    if (errnum == ENOSPC || errnum == EDQUOT)
        code = CAIRN_EFULL;
    else if (errnum == ENOMEM)
        code = CAIRN_ENOMEM;
    if (err) {
        char reason[128];
        size_t used;
        va_list ap;
        va_start(ap, fmt);
        set_text(err, code, fmt, ap);
        va_end(ap);
        used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ": %s",
                 strerror_r(errnum, reason, sizeof reason));
        make_printable(err->text);
    }
    return code;
}

const char *cairn_status_name(cairn_status code)
{
    static const char *const names[CAIRN_STATUS_COUNT] = {
        [CAIRN_OK] = "ok",
        [CAIRN_ENOTFOUND] = "not found",
        [CAIRN_EUSAGE] = "usage",
        [CAIRN_EINPUT] = "bad input",
        [CAIRN_ECORRUPT] = "damaged",
        [CAIRN_EMODEL] = "model",
        [CAIRN_EIO] = "input/output",
        [CAIRN_ENOMEM] = "out of memory",
        [CAIRN_EFULL] = "disk full",
        [CAIRN_EBUSY] = "busy",
        [CAIRN_ELIMIT] = "limit reached",
        [CAIRN_ECANCELLED] = "cancelled",
        [CAIRN_EUNSUPPORTED] = "unsupported",
    };
    return (unsigned)code < CAIRN_STATUS_COUNT ? names[code] : "unknown";
}
