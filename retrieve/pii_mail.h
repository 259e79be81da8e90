/* pii_mail.h - addresses of e-mail: as they are sent ("ann.b+x@mail.example"), quoted ("\"ann b\"@..."), with the
 * sign as an entity or a wide one, broken over a line, and as people write them against robots ("ann (at)
 * mail dot example", "ann arroba correo punto es"). What only looks like one is none: where a shell, a
 * copy or a repository is ("ssh ann@host", "git@host:team/x"), a user in a URL, a handle, a package's version.
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_PII_MAIL_H
#define CAIRN_RETRIEVE_PII_MAIL_H

#include <stddef.h>

/* The end of the address that begins at s[at], or `at`. */
size_t pii_find_email(const char *s, size_t len, size_t at);

#endif
