/* web_files.h - the files of server/web/, compiled in by cmake/embed_web.cmake. */
#ifndef CAIRN_SERVER_HTTP_WEB_FILES_H
#define CAIRN_SERVER_HTTP_WEB_FILES_H

#include <stddef.h>

typedef struct web_file {
    const char *name, *type;
    const unsigned char *data;
    size_t len;
    const char *etag; /* in its quotes */
} web_file;

/* Ended by one without a name. */
extern const web_file web_files[];

#endif
