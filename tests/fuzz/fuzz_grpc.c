/* fuzz_grpc - any bytes as the request of any method: refused, or a message whose text is UTF-8 and that is
 * written and read again as the same bytes. The first byte chooses the method. */
#include <stdlib.h>
#include <string.h>

#include "server/grpc/methods.h"
#include "tests/fuzz/fuzz_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rpc_method *methods;
    static size_t n_methods;
    const ProtobufCMessageDescriptor *type;
    rpc_decoded *d, *again;
    uint8_t *first, *second;
    size_t n;

    if (!methods && !(methods = methods_all(&n_methods)))
        abort();
    if (!size)
        return 0;
    type = methods[data[0] % n_methods].request;
    d = rpc_decode(type, data + 1, size - 1);
    if (!d)
        return 0;
    n = protobuf_c_message_get_packed_size(rpc_decoded_message(d));
    first = malloc(n + 1);
    second = malloc(n + 1);
    if (!first || !second || protobuf_c_message_pack(rpc_decoded_message(d), first) != n)
        abort();
    again = rpc_decode(type, first, n);
    if (!again || protobuf_c_message_get_packed_size(rpc_decoded_message(again)) != n)
        abort();
    protobuf_c_message_pack(rpc_decoded_message(again), second);
    if (memcmp(first, second, n))
        abort();
    free(first);
    free(second);
    rpc_decoded_free(d);
    rpc_decoded_free(again);
    return 0;
}
