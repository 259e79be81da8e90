/* mail.h - starting the mail parser. */
#ifndef CAIRN_INGEST_EXTRACT_MAIL_H
#define CAIRN_INGEST_EXTRACT_MAIL_H

/* Start GMime and load the converters of the usual charsets, which glibc keeps in files of their
 * own that the sandbox would not let it map. Call before the sandbox closes. */
void mail_warm_up(void);

#endif
