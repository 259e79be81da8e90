/* adapters.c - the table of ways in, and the addresses they listen on. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/http_adapter.h"

#ifdef CAIRN_SERVER_GRPC
extern const adapter grpc_adapter;
#endif

const adapter *const adapters[] = {
    &http_adapter,
#ifdef CAIRN_SERVER_GRPC
    &grpc_adapter,
#endif
    NULL,
};

static cairn_status bad_address(const char *text, cairn_error *err)
{
    return cairn_fail(err, CAIRN_EUSAGE,
                      "an address is HOST:PORT, [IPV6]:PORT, PORT or unix:PATH with a numeric host "
                      "or localhost, not \"%s\"", text);
}

static bool parse_port(const char *text, uint16_t *out)
{
    char *end;
    unsigned long v;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    v = strtoul(text, &end, 10);
    *out = (uint16_t)v;
    return !errno && !*end && v <= UINT16_MAX;
}

/* host[0, len), without brackets. */
static bool parse_host(const char *host, size_t len, adapter_address *out)
{
    struct in6_addr six;
    struct in_addr four;

    if (len >= sizeof out->host)
        return false;
    memcpy(out->host, host, len);
    out->host[len] = '\0';
    if (!len || !strcmp(out->host, "localhost"))
        strcpy(out->host, "127.0.0.1");
    if (inet_pton(AF_INET, out->host, &four) == 1) {
        out->is_loopback = ntohl(four.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, out->host, &six) != 1)
        return false;
    out->is_ipv6 = true;
    out->is_loopback = IN6_IS_ADDR_LOOPBACK(&six);
    return true;
}

cairn_status adapter_address_parse(const char *text, adapter_address *out, cairn_error *err)
{
    const char *colon = strrchr(text, ':'), *host = text;
    size_t len;

    *out = (adapter_address){0};
    if (!strncmp(text, "unix:", 5)) {
        if (!text[5] || strlen(text + 5) >= sizeof out->path)
            return cairn_fail(err, CAIRN_EUSAGE, "the path of a socket has 1 to %zu bytes",
                              sizeof out->path - 1);
        out->is_unix = true;
        strcpy(out->path, text + 5);
        return CAIRN_OK;
    }
    len = colon ? (size_t)(colon - text) : 0;
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len)) {
        return bad_address(text, err);
    }
    if (!parse_port(colon ? colon + 1 : text, &out->port) || !parse_host(host, len, out))
        return bad_address(text, err);
    return CAIRN_OK;
}

cairn_status adapter_check_safe(service *s, const adapter_options *o, cairn_error *err)
{
    if (!o->cert_file != !o->key_file)
        return cairn_fail(err, CAIRN_EUSAGE, "TLS needs both a certificate and its key");
    if (o->address.is_unix || o->address.is_loopback)
        return CAIRN_OK;
    if (!o->cert_file)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s can be reached from other machines: that needs TLS (--tls-cert, "
                          "--tls-key)", o->address.host);
    if (!service_has_tokens(s))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s can be reached from other machines: that needs a token (cairn serve "
                          "--add-token NAME)", o->address.host);
    return CAIRN_OK;
}
