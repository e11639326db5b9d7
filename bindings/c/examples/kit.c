/* Writes actions to the conformance kit, and reads its lines. give.c turns its inputs into calls. */
#define _POSIX_C_SOURCE 200809L
#include "kit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check(CertrotateStatus status) {
    if (status == CERTROTATE_STATUS_OK) return;
    fprintf(stderr, "driver: %s: %s\n", certrotate_status_message(status), certrotate_last_error());
    exit(2);
}

char *kit_line(void) {
    char *line = NULL;
    size_t capacity = 0;
    if (getline(&line, &capacity, stdin) < 0) {
        free(line);
        exit(0); /* the kit ended the run */
    }
    return line;
}

/* Ends a request, and makes sure that the kit sees it. */
static void end_request(void) {
    puts("}");
    fflush(stdout);
}

static char *input_or_null(char *line) {
    if (!json_is_null(json_read(line))) return line;
    free(line);
    return NULL;
}

char *kit_first_tick(void) { return strdup("\"Tick\""); }

void kit_started(uint64_t run) {
    printf("{\"started\":%" PRIu64, run);
    end_request();
}

CertrotateNow kit_now(void) {
    printf("{\"now\":null");
    end_request();
    char *line = kit_line();
    struct json now = json_read(line);
    CertrotateNow read = {json_signed(json_member(now, "wall")), json_unsigned(json_member(now, "mono"))};
    free(line);
    return read;
}

static void print_op(CertrotateOp op) { printf("{\"run\":%" PRIu64 ",\"seq\":%" PRIu32 "}", op.run, op.seq); }

static void print_digest(const CertrotateDigest *digest) {
    putchar('"');
    for (size_t at = 0; at < sizeof digest->bytes; at++) printf("%02x", digest->bytes[at]);
    putchar('"');
}

static void print_name(const CertrotateName *name) {
    static const char *const kinds[] = {"Current", "Bundle", "Pending", "Temporary", "Quarantine"};
    const char *kind = kinds[name->kind - 1];
    if (name->kind == CERTROTATE_NAME_KIND_CURRENT) {
        printf("\"Current\"");
        return;
    }
    printf("{\"%s\":{\"generation\":%" PRIu32 ",\"file\":%" PRIu32, kind, name->generation, name->file);
    if (name->kind == CERTROTATE_NAME_KIND_BUNDLE) printf(",\"issued\":%" PRId64, name->issued);
    printf("}}");
}

static void print_content(const CertrotateAction *action) {
    bool is_bundle = action->content == CERTROTATE_CONTENT_BUNDLE;
    printf("{\"%s\":{\"generation\":%" PRIu32 ",\"key\":%" PRIu64, is_bundle ? "Bundle" : "Pending",
           action->generation, action->key);
    if (is_bundle) printf(",\"cert\":%" PRIu64, action->cert);
    printf(",\"%s\":%" PRId64 "}}", is_bundle ? "issued" : "made", action->time);
}

static void print_command(const CertrotateAction *action) {
    static const char *const commands[] = {"Lock",   "Scan",    "Create", "Write",  "SyncFile",
                                           "Rename", "Symlink", "Unlink", "SyncDir"};
    const char *command = commands[action->command - 1];
    bool is_rename = action->command == CERTROTATE_DISK_COMMAND_RENAME;
    if (action->name.kind == 0) {
        printf("\"%s\"", command);
        return;
    }
    printf("{\"%s\":{\"%s\":", command, is_rename ? "from" : "name");
    print_name(&action->name);
    if (action->target.kind != 0) {
        printf(",\"%s\":", is_rename ? "to" : "target");
        print_name(&action->target);
    }
    if (action->content != 0) {
        printf(",\"content\":");
        print_content(action);
    }
    printf("}}");
}

static void print_call(const CertrotateAction *action) {
    if (action->call == CERTROTATE_CALL_CREATE) {
        printf("{\"Create\":{\"key\":%" PRIu64 "}}", action->key);
    } else {
        printf("{\"%s\":{\"request\":", action->call == CERTROTATE_CALL_GET ? "Get" : "Watch");
        print_digest(&action->request);
        printf("}}");
    }
    printf(",\"credential\":");
    if (action->credential == CERTROTATE_CREDENTIAL_LIVE) {
        printf("{\"Live\":%" PRIu32 "}", action->generation);
    } else {
        printf("\"Bootstrap\"");
    }
}

static void print_action(const CertrotateAction *action) {
    static const char *const reasons[] = {"Shutdown", "Locked", "Unsafe", "NoDirectory"};
    switch (action->kind) {
    case CERTROTATE_ACTION_KIND_DISK:
        printf("{\"Disk\":{\"op\":");
        print_op(action->op);
        printf(",\"command\":");
        print_command(action);
        break;
    case CERTROTATE_ACTION_KIND_MAKE_KEY:
        printf("{\"MakeKey\":{\"op\":");
        print_op(action->op);
        if (action->has_duration) printf(",\"duration\":%" PRIu64, action->duration);
        break;
    case CERTROTATE_ACTION_KIND_CALL:
        printf("{\"Call\":{\"op\":");
        print_op(action->op);
        printf(",\"call\":");
        print_call(action);
        break;
    case CERTROTATE_ACTION_KIND_CANCEL:
        printf("{\"Cancel\":{\"op\":");
        print_op(action->op);
        break;
    case CERTROTATE_ACTION_KIND_GO_LIVE:
        printf("{\"GoLive\":{\"generation\":%" PRIu32 ",\"key\":%" PRIu64 ",\"cert\":%" PRIu64, action->generation,
               action->key, action->cert);
        break;
    case CERTROTATE_ACTION_KIND_WITHDRAW:
        printf("{\"Withdraw\":{\"generation\":%" PRIu32, action->generation);
        break;
    case CERTROTATE_ACTION_KIND_REPORT:
        printf("{\"Report\":%s}", action->json.bytes);
        return;
    case CERTROTATE_ACTION_KIND_EXIT:
        printf("{\"Exit\":\"%s\"}", reasons[action->reason - 1]);
        return;
    }
    printf("}}");
}

bool kit_step(CertrotateNow now, const char *input, const CertrotateStep *step, size_t actions) {
    struct json value = json_read(input);
    printf("{\"step\":{\"now\":{\"wall\":%" PRId64 ",\"mono\":%" PRIu64 "},\"input\":%.*s,\"actions\":[", now.wall,
           now.mono, (int)value.length, value.at);
    for (size_t index = 0; index < actions; index++) {
        CertrotateAction action = {.size = sizeof action};
        check(certrotate_step_action(step, index, &action));
        if (index > 0) putchar(',');
        print_action(&action);
    }
    printf("]}");
    end_request();
    char *reply = input_or_null(kit_line());
    bool goes_on = reply != NULL;
    free(reply);
    return goes_on;
}

void kit_begin(const CertrotateAction *action) {
    printf("{\"begin\":");
    print_action(action);
    end_request();
}

char *kit_finish(const CertrotateAction *action) {
    printf("{\"finish\":");
    print_action(action);
    end_request();
    return input_or_null(kit_line());
}

static void print_handles(const CertrotateStep *step, size_t count, uint32_t kind) {
    bool is_first = true;
    for (size_t index = 0; index < count; index++) {
        CertrotateHandle handle;
        check(certrotate_step_erase(step, index, &handle));
        if (handle.kind != kind) continue;
        printf("%s%" PRIu64, is_first ? "" : ",", handle.number);
        is_first = false;
    }
}

void kit_erase(const CertrotateStep *step, size_t count) {
    printf("{\"erase\":{\"keys\":[");
    print_handles(step, count, CERTROTATE_HANDLE_KIND_KEY);
    printf("],\"certs\":[");
    print_handles(step, count, CERTROTATE_HANDLE_KIND_CERT);
    printf("]}");
    end_request();
}

char *kit_wait(uint64_t milliseconds) {
    printf("{\"wait\":%" PRIu64, milliseconds);
    end_request();
    return input_or_null(kit_line());
}
