/* exhaustive.h - is a question about all documents ("which of my contracts mention X?", "how many files
 * contain X?", "list all letters about X") rather than about what one of them says?
 *
 * Recognised by its words in English, German, Spanish and French: an opener (which, how many, list, welche,
 * cuántos, quels, ...), a word for documents, a word for mentioning, and what is mentioned behind it.
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_EXHAUSTIVE_H
#define CAIRN_RETRIEVE_EXHAUSTIVE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum exhaustive_kind { EXHAUSTIVE_LIST, EXHAUSTIVE_COUNT } exhaustive_kind;

#define EXHAUSTIVE_PARTS 4
#define EXHAUSTIVE_MAILS "type:message" /* in a filter: mails, which are not always kept as such */

typedef struct exhaustive {
    exhaustive_kind kind;
    const char *lang;  /* "en", "de", "es" or "fr"; static */
    size_t start, end; /* bytes of the question: what is to be mentioned; of a question for files by themselves, what they are called */
    bool denied;       /* those are asked for that do not */
    bool neither;      /* ... by "neither A nor B", with which [start, end) begins */
    bool any;          /* one of the parts is enough ("A or B"); else all, wherever in a file */
    struct {
        size_t start, end;
    } part[EXHAUSTIVE_PARTS]; /* of the above; one, where nothing joins */
    size_t n_parts;
    size_t less_start, less_end; /* "A but not B": B; end 0: none */
    bool less_first;             /* it was said first, "(do not mention) B but mention A": all in [start, end) */
    size_t sender_start, sender_end; /* of mails: who wrote them; end 0: anybody */
    bool unread;       /* "which files could not be read?": nothing else is set but lang */
    bool listed;       /* "how many PDF files are there", "how many invoices do I have of 2024": nothing is to be mentioned, the files
                          that `filter` takes are counted */
    bool named;        /* ... and have bytes [start, end) in their title or path */
    char filter[128];  /* of the query language: "ext:pdf lang:de"; "": all. Of what is to be mentioned, too: "which PDFs mention X" */
    size_t about_start, about_end; /* of files by themselves: "invoices from X": X, which they name; end 0: nothing */
    int year;          /* 0: none; else they are of it, or name it */
} exhaustive;

/* False: an ordinary question. */
bool exhaustive_parse(const char *question, size_t len, exhaustive *out);

#endif
