/* status.h - how every function of Cairn says that it failed.
 *
 * A function that can fail returns a cairn_status (0 is fine) and, when the caller hands it a
 * cairn_error, leaves one human sentence there: what failed, on which file or id, and the cure
 * where there is one. Nothing below the command line prints.
 *
 * Owns     nothing; a cairn_error is a plain value, usually on the caller's stack.
 * Threads  any; an error object belongs to one thread at a time. */
#ifndef CAIRN_BASE_STATUS_H
#define CAIRN_BASE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cairn_status {
    CAIRN_OK = 0,
    CAIRN_ENOTFOUND,    /* the thing asked for does not exist */
    CAIRN_EUSAGE,       /* the caller asked for something meaningless */
    CAIRN_EINPUT,       /* a document or a file handed to us is broken or unreadable */
    CAIRN_ECORRUPT,     /* our own stored bytes are damaged */
    CAIRN_EMODEL,       /* a model is missing, broken or of an unknown kind */
    CAIRN_EIO,          /* the operating system refused: errno is in the text */
    CAIRN_ENOMEM,       /* memory ran out */
    CAIRN_EFULL,        /* the disk or a quota is full */
    CAIRN_EBUSY,        /* another process writes this store */
    CAIRN_ELIMIT,       /* a bound on size, depth, count or time was reached */
    CAIRN_ECANCELLED,   /* the caller asked to stop; state is consistent */
    CAIRN_EUNSUPPORTED, /* well-formed, but of a kind this build does not handle */
    CAIRN_STATUS_COUNT
} cairn_status;

typedef struct cairn_error {
    cairn_status code;
    char text[504]; /* NUL-terminated UTF-8, cut at a character boundary if too long */
} cairn_error;

/* Record `code` and a printf-style sentence in *err (may be NULL) and return `code`, so that
 * `return cairn_fail(err, CAIRN_EIO, "open %s: %s", path, strerror(errno));` reads naturally.
 * Control characters in the formatted text are replaced, so a hostile file name cannot drive a
 * terminal. */
cairn_status cairn_fail(cairn_error *err, cairn_status code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "context: " in front of the sentence already in *err. Returns err->code. */
cairn_status cairn_error_prefix(cairn_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Fail with CAIRN_EIO, or CAIRN_EFULL for ENOSPC/EDQUOT, CAIRN_ENOMEM for ENOMEM; the text is the
 * formatted sentence, ": " and strerror(errnum). */
cairn_status cairn_fail_errno(cairn_error *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A fixed, static, lower-case name such as "not found". */
const char *cairn_status_name(cairn_status code);

#ifdef __cplusplus
}
#endif
#endif
