/* descriptors.h - the descriptor of each .proto file, as reflection hands them out. */
#ifndef CAIRN_SERVER_PROTO_DESCRIPTORS_H
#define CAIRN_SERVER_PROTO_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

typedef struct proto_descriptor {
    const uint8_t *set; /* a google.protobuf.FileDescriptorSet of one file */
    size_t len;
} proto_descriptor;

extern const proto_descriptor proto_descriptors[]; /* ends with {0, 0} */

#endif
