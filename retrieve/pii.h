/* pii.h - personal data and secrets in a text: what a pattern, a checksum or the word before it can
 * decide. Names, addresses and dates of birth are not looked for: they take understanding.
 *
 *   email       phone       iban (mod 97)    card (issuer and Luhn)    ip (v4 and v6)    url
 *   national-id US social security, Spanish DNI and NIE, French NIR, Italian codice fiscale, British NI
 *               number, German tax id, the numbers of thirty more states (pii_ids.c), driving licences and
 *               passports behind their name
 *   secret      private keys, tokens of well-known services, passwords behind their name
 *
 * Owns     matches live in the caller's arena. Any thread. */
#ifndef CAIRN_RETRIEVE_PII_H
#define CAIRN_RETRIEVE_PII_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

typedef enum pii_type {
    PII_EMAIL,
    PII_PHONE,
    PII_IBAN,
    PII_CARD,
    PII_NATIONAL_ID,
    PII_IP,
    PII_URL,
    PII_SECRET,
    PII_TYPES /* how many */
} pii_type;

#define PII_ALL ((1u << PII_TYPES) - 1)

const char *pii_name(pii_type t);
/* "email,iban", "all" or "off" as a set of 1u << type; false for a name that is none. */
bool pii_parse(const char *names, unsigned *set);

typedef struct pii_match {
    pii_type type;
    size_t start, end; /* bytes */
} pii_match;

/* Matches of the types in `set`, in order, without overlap. */
cairn_status pii_find(const char *text, size_t len, unsigned set, arena *a, pii_match **out,
                      size_t *n, cairn_error *err);
/* Append the text with every match replaced by its type: "[iban]". */
cairn_status pii_redact(const char *text, size_t len, unsigned set, bytes *out, cairn_error *err);

#endif
