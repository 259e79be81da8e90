/* gateway.h - answers from an OpenAI-compatible endpoint that the user has configured.
 *
 * Off unless [gateway] names a url and says when it is used. What leaves the machine is the prompt: the question,
 * what was said before, and the excerpts of the documents that were found; each answer says where it was sent.
 * Kinds of personal data that [gateway] redact names are taken out of it first. An address that is not this
 * machine's own must be https. No redirect is followed.
 *
 * What comes back is checked against the documents like the words of any model. Tokens are counted a day
 * (UTC); beyond [gateway] tokens_per_day nothing is sent. Every request is logged in user.db: when, where, how
 * long, how many tokens, what went wrong.
 *
 * libcurl and its thirty libraries are linked into cairn-gateway.so alone, which is opened by the first request.
 * It also fetches models (model_pull.c), which needs no settings. */
#ifndef CAIRN_ENGINE_GATEWAY_H
#define CAIRN_ENGINE_GATEWAY_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define GATEWAY_MODULE_VERSION 2u
#define GATEWAY_MODULE_SYMBOL  "cairn_gateway_module"
#define GATEWAY_WHY            512 /* bytes of `why` */
#define GATEWAY_CANCELLED      1
#define GATEWAY_BROKEN         2 /* the connection; what came so far stands */
#define GATEWAY_UNSENT         3 /* nobody was reached: nothing of the request left */
#define GATEWAY_TAG            256

typedef struct gateway_request {
    const char *url, *key; /* key: a bearer token or NULL */
    const char *body;
    size_t body_len, most_bytes; /* most_bytes: of the reply */
    long connect_ms, timeout_ms;
    const volatile sig_atomic_t *cancel;
} gateway_request;

/* A file on its way. */
typedef struct gateway_fetch {
    const char *url;
    bool secure_only; /* redirects to https alone */
    int fd;           /* where it goes */
    uint64_t have;    /* bytes of it that are there; grows. Falls to 0 where the server cannot go on */
    uint64_t total;   /* as the server says; 0: it does not */
    uint64_t most;    /* bytes it may have */
    char tag[GATEWAY_TAG]; /* in: of the file that `have` belongs to, "" for any; out: of this one, "" none */
    long http;
    long connect_ms, stall_s; /* without a byte for so long it counts as broken */
    void (*progress)(void *ctx, uint64_t have, uint64_t total); /* may be NULL */
    void *progress_ctx;
    const volatile sig_atomic_t *cancel;
} gateway_fetch;

typedef struct gateway_module {
    uint32_t version;
    /* 0: a reply came, *text for the caller to free(); GATEWAY_CANCELLED; GATEWAY_UNSENT or anything else with a sentence in why. */
    int (*post)(const gateway_request *r, long *http_status, char **text, size_t *len, char *why);
    /* 0: all of it is there; GATEWAY_CANCELLED; GATEWAY_BROKEN or anything else with a sentence in why. */
    int (*fetch)(gateway_fetch *f, char *why);
} gateway_module;

/* CAIRN_EUNSUPPORTED where it cannot be opened. */
cairn_status gateway_module_get(const gateway_module **out, cairn_error *err);
/* https, or http on this machine. */
bool gateway_safe_address(const char *url);

struct cairn;

typedef struct gateway_reply {
    char *text; /* malloced */
    size_t prompt_tokens, completion_tokens;
    double ms;
    bool unsent; /* nothing left this machine */
} gateway_reply;

/* Whether the settings allow to send anything: CAIRN_OK, or why not: CAIRN_EUNSUPPORTED where it is off, CAIRN_EUSAGE
 * for settings that cannot be used, CAIRN_ELIMIT where the day's tokens are spent. */
cairn_status gateway_ready(struct cairn *c, cairn_error *err);
/* Let the endpoint answer the messages. CAIRN_EIO: not reached, in time, or a reply that is none; CAIRN_ECANCELLED. */
cairn_status gateway_chat(struct cairn *c, const json_t *messages, size_t max_tokens, double temperature,
                          const volatile sig_atomic_t *cancel, gateway_reply *out, cairn_error *err);

#endif
