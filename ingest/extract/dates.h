/* dates.h - dates as documents write them. */
#ifndef CAIRN_INGEST_EXTRACT_DATES_H
#define CAIRN_INGEST_EXTRACT_DATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ISO 8601 and RFC 3339 ("2025-09-01", "2025-09-01T10:00:00+02:00", with a space for the T), and
 * "D:20250901100000+02'00'" of PDF; "Mon, 01 Sep 2025 10:00:00 +0200" of RFC 5322 and, with English
 * names of months, "September 1, 2025" and "1 September 2025". Brackets of Org around it do not count.
 * Without a zone it is UTC. Nanoseconds since 1970. */
bool date_parse(const char *s, size_t len, int64_t *ns);

#endif
