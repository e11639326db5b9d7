/* A machine in C around certrotate-core: scripted clock, disk, keys and issuer. It exits with 0 if all that it shows holds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct clock { int64_t wall_ms; uint64_t mono_ms; };
struct new_key { uint32_t is_made; uint8_t key_digest[32]; uint8_t request_digest[32]; };
struct reply { uint32_t status; int64_t not_before; int64_t not_after; uint8_t leaf_digest[32]; };

int32_t node_run(const uint8_t process[16], uint64_t seed);

static struct clock now = { INT64_C(1790000000000), 1000 };
static unsigned live, keys, calls, commands, syncs_before_call;

struct clock board_clock(void) { return now; }

/* Time passes only here, so the program needs no time of yours. Returns 0 to end. */
uint32_t board_wait(uint64_t longest_ms)
{
    if (live > 0 || now.mono_ms > UINT64_C(24) * 3600 * 1000)
        return 0;
    now.wall_ms += (int64_t)longest_ms;
    now.mono_ms += longest_ms;
    return 1;
}

uint32_t board_disk(const uint8_t *command, size_t length)
{
    commands++;
    if (calls == 0 && length >= 4 && memcmp(command, "Sync", 4) == 0)
        syncs_before_call++;
    printf("disk: %.*s\n", (int)length, (const char *)command);
    return 1;
}

/* A real board makes a key here, and returns the SHA-256 of its public half and the name of its request. */
struct new_key board_make_key(void)
{
    struct new_key key = { .is_made = 1 };
    memset(key.key_digest, (int)++keys, sizeof key.key_digest);
    memset(key.request_digest, (int)(0x80 + keys), sizeof key.request_digest);
    return key;
}

/* The first call finds no network, the second one creates the request, the third one waits, the fourth has the certificate. */
struct reply board_call(uint32_t is_create)
{
    static const uint32_t script[] = { 0, 1, 1, 2 };
    struct reply reply = { .status = calls < 4 ? script[calls] : 0 };
    calls++;
    printf("call %u: %s\n", calls, is_create ? "create" : "get");
    if (reply.status == 2) {
        reply.not_before = now.wall_ms / 1000;
        reply.not_after = reply.not_before + 24 * 3600;
        memset(reply.leaf_digest, 0x42, sizeof reply.leaf_digest);
    }
    return reply;
}

void board_present(uint32_t generation)
{
    live = generation;
    printf("the board presents certificate %u\n", generation);
}

void board_print(const uint8_t *text, size_t length) { printf("%.*s\n", (int)length, (const char *)text); }

/* Rust's precompiled core names it for stack unwinding, which a build with panic=abort never does. */
void rust_eh_personality(void) { abort(); }

int main(void)
{
    static const uint8_t process[16] = "a board's number";
    int32_t status = node_run(process, 7);
    printf("no_std: status %" PRId32 ", %u disk commands, %u calls, certificate %u\n", status, commands, calls, live);
    return status == 0 && live == 1 && keys == 1 && calls == 4 && syncs_before_call >= 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}
