/* make_adapter.h - for tests: adapters in memory, as GGUF and as PEFT's safetensors. */
#ifndef CAIRN_TESTS_GENERATE_MAKE_ADAPTER_H
#define CAIRN_TESTS_GENERATE_MAKE_ADAPTER_H

#include "tests/generate/tiny_model.h"

typedef struct made_tensor {
    char name[96];
    uint64_t cols, rows;
    float *data;
} made_tensor;

static void made_string(bytes *b, const char *key, const char *value)
{
    tiny_string(b, key);
    bytes_append_u32(b, GGUF_STRING);
    tiny_string(b, value);
}

__attribute__((unused)) static uint8_t *made_gguf(const char *arch, const char *type, float alpha,
                                                  const made_tensor *t, size_t n, size_t *len)
{
    bytes b, data;

    bytes_init(&b, 16 << 20);
    bytes_init(&data, 16 << 20);
    bytes_append_str(&b, "GGUF");
    bytes_append_u32(&b, 3);
    bytes_append_u64(&b, n);
    bytes_append_u64(&b, 4);
    made_string(&b, "general.type", "adapter");
    made_string(&b, "adapter.type", type);
    made_string(&b, "general.architecture", arch);
    tiny_string(&b, "adapter.lora.alpha");
    bytes_append_u32(&b, GGUF_F32);
    bytes_append_f32(&b, alpha);
    for (size_t i = 0; i < n; i++) {
        while (data.len % 32)
            bytes_append_byte(&data, 0);
        tiny_string(&b, t[i].name);
        bytes_append_u32(&b, 2);
        bytes_append_u64(&b, t[i].cols);
        bytes_append_u64(&b, t[i].rows);
        bytes_append_u32(&b, TENSOR_F32);
        bytes_append_u64(&b, data.len);
        bytes_append(&data, t[i].data, t[i].cols * t[i].rows * sizeof(float));
    }
    while (b.len % 32)
        bytes_append_byte(&b, 0);
    while (data.len % 32)
        bytes_append_byte(&data, 0);
    bytes_append(&b, data.data, data.len);
    bytes_clear(&data);
    return (uint8_t *)bytes_detach(&b, len);
}

__attribute__((unused)) static uint8_t *made_safetensors(const made_tensor *t, size_t n, size_t *len)
{
    bytes head, b;
    size_t at = 0;

    bytes_init(&head, 1 << 20);
    bytes_init(&b, 16 << 20);
    for (size_t i = 0; i < n; i++) {
        char line[300];
        size_t size = t[i].cols * t[i].rows * sizeof(float);
        snprintf(line, sizeof line,
                 "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%llu,%llu],\"data_offsets\":[%zu,%zu]}",
                 i ? "," : "{", t[i].name, (unsigned long long)t[i].rows,
                 (unsigned long long)t[i].cols, at, at + size);
        bytes_append_str(&head, line);
        at += size;
    }
    bytes_append_str(&head, "}");
    bytes_append_u64(&b, head.len);
    bytes_append(&b, head.data, head.len);
    for (size_t i = 0; i < n; i++)
        bytes_append(&b, t[i].data, t[i].cols * t[i].rows * sizeof(float));
    bytes_clear(&head);
    return (uint8_t *)bytes_detach(&b, len);
}

#endif
