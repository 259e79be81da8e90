/* page_labels.h - what a document calls its pages ("iv", "12", "A-3"), in few bytes.
 *
 * Labels are kept as runs, "1=i;5=1;20=A-1": from page 5 on they count 1, 2, 3... A label counts by the number,
 * or the Roman numeral, at its end. The text stands in a document's metadata (PAGE_LABELS_KEY), and only where a
 * label differs from its page's number. */
#ifndef CAIRN_INGEST_PAGE_LABELS_H
#define CAIRN_INGEST_PAGE_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#define PAGE_LABELS_KEY "page_labels"
#define PAGE_LABEL_MAX  48   /* bytes of one, with its NUL */
#define PAGE_LABELS_MAX 4000 /* of all runs; a document that needs more keeps its numbers */

/* The label of `page` (from 1) by these runs. False: it is called by its number, or the runs are none. */
bool page_label_at(const char *runs, uint32_t page, char out[PAGE_LABEL_MAX]);

/* Append the label of the next page, for pages from 1 on in order. What cannot be written as a run (longer,
 * or with ';' or control characters) is the page's number. CAIRN_ELIMIT past PAGE_LABELS_MAX. */
cairn_status page_labels_add(bytes *runs, uint32_t page, const char *label);

#endif
