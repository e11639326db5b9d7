/* Hostile use of the interface: each wrong argument is an error with a sentence, and changes nothing.
 * scripts/bindings runs it, also under valgrind. */
#include "../include/certrotate.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void expect(int line, bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "hostile.c:%d: %s\n  last error: %s\n", line, what, certrotate_last_error());
    failures++;
}

#define EXPECT(condition) expect(__LINE__, (condition), #condition)
/* The call fails with this status, and its sentence names the argument. */
#define FAILS(call, status, word) \
    expect(__LINE__, (call) == CERTROTATE_STATUS_##status && strstr(certrotate_last_error(), word) != NULL, #call)
#define WORKS(call) expect(__LINE__, (call) == CERTROTATE_STATUS_OK, #call)

static const char CONFIG[] =
    "{\"template\":{\"subject\":{\"common_name\":\"system:node:a\",\"organizations\":[\"system:nodes\"],\"others\":[]},"
    "\"sans\":[],\"usages\":2049,\"signer\":\"example.com/signer\",\"duration\":null},"
    "\"chain_required\":false,\"rotate\":true,\"adopt\":true,\"seed\":1,\"timing\":{},\"built\":0}";

static const CertrotateNow NOW = {1790000000000, 1000};

#define TEXT(literal) ((CertrotateText){literal, sizeof literal - 1})

static CertrotateRotator *new_rotator(void) {
    CertrotateRotator *rotator = NULL;
    WORKS(certrotate_rotator_new(CONFIG, strlen(CONFIG), 7, &rotator));
    if (rotator == NULL) exit(1);
    return rotator;
}

/* Takes the first tick, and returns the id of the lock command. */
static CertrotateOp start(const CertrotateRotator *rotator) {
    CertrotateStep *step = NULL;
    WORKS(certrotate_tick(rotator, NOW, &step));
    CertrotateAction action = {.size = sizeof action};
    WORKS(certrotate_step_action(step, 0, &action));
    EXPECT(action.kind == CERTROTATE_ACTION_KIND_DISK && action.command == CERTROTATE_DISK_COMMAND_LOCK);
    certrotate_step_free(step);
    return action.op;
}

static void configurations(void) {
    CertrotateRotator *rotator = (CertrotateRotator *)&failures;
    FAILS(certrotate_rotator_new(NULL, 10, 1, &rotator), NULL, "config is null");
    EXPECT(rotator == NULL);
    FAILS(certrotate_rotator_new(CONFIG, strlen(CONFIG), 1, NULL), NULL, "rotator is null");
    FAILS(certrotate_rotator_new(CONFIG, SIZE_MAX, 1, &rotator), TOO_LONG, "config");
    FAILS(certrotate_rotator_new("\xff\xfe", 2, 1, &rotator), NOT_UTF8, "byte 0");
    FAILS(certrotate_rotator_new("", 0, 1, &rotator), CONFIG, "cannot be read");
    FAILS(certrotate_rotator_new(CONFIG, strlen(CONFIG) - 1, 1, &rotator), CONFIG, "cannot be read");
    char *deep = malloc(1 << 20);
    memset(deep, '[', 1 << 20);
    FAILS(certrotate_rotator_new(deep, 1 << 20, 1, &rotator), CONFIG, "cannot be read");
    free(deep);
    char *refused = strdup(CONFIG);
    memcpy(strstr(refused, "2049"), "   0", 4);
    FAILS(certrotate_rotator_new(refused, strlen(refused), 1, &rotator), CONFIG, "usage");
    free(refused);
    EXPECT(rotator == NULL);
    certrotate_rotator_free(NULL);
    certrotate_inventory_free(NULL);
    certrotate_step_free(NULL);
}

static void null_pointers(const CertrotateRotator *rotator, CertrotateOp op) {
    CertrotateStep *step = NULL;
    CertrotateDigest digest = {{0}};
    CertrotateLive live = {.size = sizeof live};
    CertrotateAction action = {.size = sizeof action};
    CertrotateHandle handle;
    FAILS(certrotate_tick(NULL, NOW, &step), NULL, "rotator");
    FAILS(certrotate_tick(rotator, NOW, NULL), NULL, "step");
    FAILS(certrotate_disk_done(NULL, NOW, op, &step), NULL, "rotator");
    FAILS(certrotate_scanned(rotator, NOW, op, NULL, &step), NULL, "inventory");
    FAILS(certrotate_key_made(rotator, NOW, op, 1, NULL, &digest, &step), NULL, "key_digest");
    FAILS(certrotate_key_made(rotator, NOW, op, 1, &digest, NULL, &step), NULL, "request");
    FAILS(certrotate_call_answered(rotator, NOW, op, NULL, &step), NULL, "record");
    FAILS(certrotate_reconfigure(rotator, NOW, NULL, 1, &step), NULL, "config");
    uint64_t sleep;
    FAILS(certrotate_sleep(NULL, NOW, &sleep), NULL, "rotator");
    FAILS(certrotate_live(rotator, 0, NULL), NULL, "live");
    FAILS(certrotate_sleep(rotator, NOW, NULL), NULL, "milliseconds");
    FAILS(certrotate_live(NULL, 0, &live), NULL, "rotator");
    FAILS(certrotate_step_action(NULL, 0, &action), NULL, "step");
    FAILS(certrotate_step_erase(NULL, 0, &handle), NULL, "step");
    FAILS(certrotate_inventory_new(NULL), NULL, "inventory");
    FAILS(certrotate_inventory_set_more(NULL), NULL, "inventory");
    EXPECT(step == NULL);
}

static void sizes(const CertrotateRotator *rotator) {
    CertrotateLive live = {.size = 0};
    FAILS(certrotate_live(rotator, 0, &live), SIZE, "live.size is 0");
    live.size = sizeof live - 1;
    FAILS(certrotate_live(rotator, 0, &live), SIZE, "sizeof");
    /* A caller with a newer header: the library writes what it knows, and no more. */
    struct {
        CertrotateLive live;
        unsigned char rest[64];
    } newer;
    memset(&newer, 0xAA, sizeof newer);
    newer.live.size = sizeof newer;
    WORKS(certrotate_live(rotator, 0, &newer.live));
    EXPECT(newer.live.size == sizeof newer && newer.live.is_live == 0);
    for (size_t at = 0; at < sizeof newer.rest; at++) EXPECT(newer.rest[at] == 0xAA);
    CertrotateStep *step = NULL;
    CertrotateRequestRecord record = {.size = sizeof record + 1};
    FAILS(certrotate_call_answered(rotator, NOW, (CertrotateOp){7, 1}, &record, &step), SIZE, "record.size");
    record.size = SIZE_MAX;
    FAILS(certrotate_call_answered(rotator, NOW, (CertrotateOp){7, 1}, &record, &step), SIZE, "record.size");
    _Alignas(16) unsigned char bytes[sizeof live + 16] = {0};
    FAILS(certrotate_live(rotator, 0, (CertrotateLive *)(void *)(bytes + 1)), INVALID, "aligned");
}

static void numbers(const CertrotateRotator *rotator, CertrotateOp op) {
    CertrotateStep *step = NULL;
    FAILS(certrotate_disk_failed(rotator, NOW, op, 0, &step), INVALID, "fault is 0");
    FAILS(certrotate_disk_failed(rotator, NOW, op, 4000000000u, &step), INVALID, "fault");
    FAILS(certrotate_call_failed(rotator, NOW, op, 13, NULL, &step), INVALID, "fault");
    EXPECT(step == NULL);
    CertrotateInventory *inventory = NULL;
    WORKS(certrotate_inventory_new(&inventory));
    FAILS(certrotate_inventory_set_current(inventory, 0, NULL, 0), INVALID, "kind");
    FAILS(certrotate_inventory_set_current(inventory, CERTROTATE_CURRENT_LINK_LINK, NULL, 0), NULL, "target");
    FAILS(certrotate_inventory_set_current(inventory, CERTROTATE_CURRENT_LINK_UNREADABLE, NULL, 99), INVALID, "fault");
    CertrotateName name = {.kind = 77};
    FAILS(certrotate_inventory_add_file(inventory, name, CERTROTATE_FILE_STATE_CORRUPT, 0), INVALID, "name.kind");
    name.kind = CERTROTATE_NAME_KIND_PENDING;
    FAILS(certrotate_inventory_add_file(inventory, name, 9, 0), INVALID, "state");
    FAILS(certrotate_inventory_add_bundle(inventory, name, NULL), NULL, "bundle");
    CertrotatePending pending = {.size = sizeof pending};
    FAILS(certrotate_inventory_add_pending(inventory, name, &pending), NULL, "made_for");
    certrotate_inventory_free(inventory);
}

static void facts(const CertrotateRotator *rotator, CertrotateOp op) {
    CertrotateStep *step = NULL;
    CertrotateSan san = {CERTROTATE_SAN_KIND_DNS, TEXT("node")};
    CertrotateFacts facts = {.size = sizeof facts, .chain = CERTROTATE_CHAIN_UNCHECKED, .sans = {&san, 1}};
    CertrotateRequestRecord record = {
        .size = sizeof record, .signer = TEXT("s"), .state = CERTROTATE_REQUEST_STATE_ISSUED, .facts = &facts};
#define ANSWER certrotate_call_answered(rotator, NOW, op, &record, &step)
    facts.chain = 11;
    FAILS(ANSWER, INVALID, "facts.chain");
    facts.chain = CERTROTATE_CHAIN_UNCHECKED;
    facts.usages = 1u << 31;
    FAILS(ANSWER, INVALID, "facts.usages");
    facts.usages = 0;
    san.kind = 6;
    FAILS(ANSWER, INVALID, "san.kind");
    san = (CertrotateSan){CERTROTATE_SAN_KIND_IP, TEXT("10.0.0.256")};
    FAILS(ANSWER, INVALID, "IP address");
    san = (CertrotateSan){CERTROTATE_SAN_KIND_DNS, {"\xc3", 1}};
    FAILS(ANSWER, NOT_UTF8, "san.text");
    san.text.length = 5000;
    FAILS(ANSWER, TOO_LONG, "san.text");
    san.text = (CertrotateText){NULL, 4};
    FAILS(ANSWER, NULL, "san.text");
    san.text = TEXT("node");
    facts.sans.count = SIZE_MAX;
    FAILS(ANSWER, TOO_LONG, "sans.items");
    facts.sans = (CertrotateSans){NULL, 1};
    FAILS(ANSWER, NULL, "sans.items");
    facts.sans.count = 0;
    facts.subject.organization_count = 1001;
    FAILS(ANSWER, TOO_LONG, "organizations");
    facts.subject.organization_count = 0;
    record.facts = NULL;
    FAILS(ANSWER, NULL, "facts");
    record.facts = &facts;
    record.state = 0;
    FAILS(ANSWER, INVALID, "record.state");
    record.state = 7;
    FAILS(ANSWER, INVALID, "record.state");
    EXPECT(step == NULL);
}

static void limits(void) {
    CertrotateInventory *inventory = NULL;
    WORKS(certrotate_inventory_new(&inventory));
    CertrotateName name = {.kind = CERTROTATE_NAME_KIND_TEMPORARY};
    for (name.file = 0; name.file < 64; name.file++) {
        WORKS(certrotate_inventory_add_file(inventory, name, CERTROTATE_FILE_STATE_UNREAD, 0));
    }
    FAILS(certrotate_inventory_add_file(inventory, name, CERTROTATE_FILE_STATE_UNREAD, 0), TOO_LONG, "64");
    CertrotateFacts facts = {.size = sizeof facts, .chain = CERTROTATE_CHAIN_TRUSTED};
    CertrotatePair pair = {.size = sizeof pair, .place = CERTROTATE_PLACE_SPLIT, .facts = &facts};
    for (int count = 0; count < 4; count++) WORKS(certrotate_inventory_add_pair(inventory, &pair));
    FAILS(certrotate_inventory_add_pair(inventory, &pair), TOO_LONG, "4");
    certrotate_inventory_free(inventory);
}

/* Gives an answer and returns the reason why it was ignored; UINT32_MAX if it failed. */
static uint32_t ignored(CertrotateStatus status, CertrotateStep *step) {
    CertrotateSummary summary = {.size = sizeof summary};
    if (status != CERTROTATE_STATUS_OK) return UINT32_MAX;
    WORKS(certrotate_step_summary(step, &summary));
    certrotate_step_free(step);
    return summary.ignored;
}

static void operations(const CertrotateRotator *rotator, CertrotateOp op) {
    CertrotateStep *step = NULL;
    CertrotateOp other_run = {op.run + 1, op.seq}, unknown = {op.run, op.seq + 1};
    CertrotateStatus status = certrotate_disk_done(rotator, NOW, other_run, &step);
    EXPECT(ignored(status, step) == CERTROTATE_IGNORED_NOT_OUTSTANDING);
    status = certrotate_disk_done(rotator, NOW, unknown, &step);
    EXPECT(ignored(status, step) == CERTROTATE_IGNORED_NOT_OUTSTANDING);
    WORKS(certrotate_tick(rotator, NOW, &step));
    CertrotateAction action = {.size = sizeof action};
    CertrotateHandle handle;
    FAILS(certrotate_step_action(step, 1000, &action), INDEX, "index is 1000");
    FAILS(certrotate_step_erase(step, 0, &handle), INDEX, "there are 0");
    certrotate_step_free(step);
    /* The answer of another kind of operation fails the operation, and is reported. */
    status = certrotate_key_failed(rotator, NOW, op, &step);
    WORKS(status);
    bool is_reported = false;
    CertrotateSummary summary = {.size = sizeof summary};
    WORKS(certrotate_step_summary(step, &summary));
    for (size_t index = 0; index < summary.actions; index++) {
        WORKS(certrotate_step_action(step, index, &action));
        if (action.event != CERTROTATE_EVENT_CODE_DISK_FAILED) continue;
        is_reported = true;
        EXPECT(action.text.length > 0 && strlen(action.text.bytes) == action.text.length);
        EXPECT(strstr(action.json.bytes, "\"WrongKind\"") != NULL && strlen(action.json.bytes) == action.json.length);
    }
    EXPECT(is_reported);
    certrotate_step_free(step);
}

static void *other_thread(void *unused) {
    EXPECT(certrotate_last_error()[0] == '\0');
    return unused;
}

int main(void) {
    CertrotateRotator *rotator = new_rotator();
    CertrotateOp op = start(rotator);
    uint64_t before = 0, after = 0;
    WORKS(certrotate_sleep(rotator, NOW, &before));
    EXPECT(before > 0 && before < UINT64_MAX);
    configurations();
    null_pointers(rotator, op);
    sizes(rotator);
    numbers(rotator, op);
    facts(rotator, op);
    limits();
    WORKS(certrotate_sleep(rotator, NOW, &after));
    EXPECT(before == after);
    operations(rotator, op);
    EXPECT(strlen(certrotate_last_error()) < 512);
    EXPECT(strcmp(certrotate_status_message(12345), "no status of this library") == 0);
    EXPECT(strchr(certrotate_version(), '.') != NULL);
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, other_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
    certrotate_rotator_free(rotator);
    if (failures == 0) puts("hostile: every wrong argument is an error");
    return failures != 0;
}
