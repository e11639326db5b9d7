/* Turns an input of the conformance kit into the call for its kind. A real driver calls these functions with what its disk,
 * key store and issuer said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

#define MOST 16

/* The facts of a chain, with the room for their lists. */
struct facts {
    CertrotateFacts facts;
    CertrotateText organizations[MOST];
    CertrotateSan sans[MOST];
};

static void fail(const char *what) {
    fprintf(stderr, "driver: the kit sent %s\n", what);
    exit(2);
}

#define CODE(value, names) code_of(value, names, sizeof names / sizeof *names)

/* Returns the code of a name: its place in the list, counted from 1. */
static uint32_t code_of(struct json value, const char *const *names, size_t count) {
    for (size_t at = 0; at < count; at++) {
        if (json_is(value, names[at]) || json_exists(json_member(value, names[at]))) return (uint32_t)at + 1;
    }
    fail("a name that this driver does not know");
    return 0;
}

static CertrotateText text(struct json value) {
    struct json read = json_text(value);
    return (CertrotateText){read.at, read.length};
}

static CertrotateDigest digest(struct json value) {
    CertrotateDigest read;
    struct json digits = json_text(value);
    if (digits.length != 2 * sizeof read.bytes) fail("a digest of another length");
    for (size_t at = 0; at < sizeof read.bytes; at++) {
        char pair[3] = {digits.at[2 * at], digits.at[2 * at + 1], 0};
        read.bytes[at] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return read;
}

static CertrotateOp op(struct json value) {
    struct json read = json_member(value, "op");
    return (CertrotateOp){json_unsigned(json_member(read, "run")), (uint32_t)json_unsigned(json_member(read, "seq"))};
}

static CertrotateName name(struct json value) {
    static const char *const kinds[] = {"Current", "Bundle", "Pending", "Temporary", "Quarantine"};
    CertrotateName read = {.kind = CODE(value, kinds)};
    if (read.kind == CERTROTATE_NAME_KIND_CURRENT) return read;
    struct json fields = json_member(value, kinds[read.kind - 1]);
    read.generation = (uint32_t)json_unsigned(json_member(fields, "generation"));
    read.file = (uint32_t)json_unsigned(json_member(fields, "file"));
    if (read.kind == CERTROTATE_NAME_KIND_BUNDLE) read.issued = json_signed(json_member(fields, "issued"));
    return read;
}

static uint32_t disk_fault(struct json value) {
    static const char *const faults[] = {"NoSpace", "ReadOnly", "Denied",      "Exists",     "NotFound",
                                         "Locked",  "Unsafe",   "NoDirectory", "HandleGone", "Io"};
    return CODE(value, faults);
}

static CertrotateSubject subject(struct json value, CertrotateText *organizations) {
    struct json list = json_member(value, "organizations"), item;
    CertrotateSubject read = {.common_name = text(json_member(value, "common_name")), .organizations = organizations};
    while (json_exists(item = json_item(list, read.organization_count))) {
        if (read.organization_count == MOST) fail("too many organizations");
        organizations[read.organization_count++] = text(item);
    }
    if (json_exists(json_item(json_member(value, "others"), 0))) fail("a further attribute, which no scenario has");
    return read;
}

static CertrotateSans sans(struct json list, CertrotateSan *items) {
    static const char *const kinds[] = {"Dns", "Ip", "Email", "Uri", "Other"};
    CertrotateSans read = {.items = items};
    struct json item;
    while (json_exists(item = json_item(list, read.count))) {
        if (read.count == MOST) fail("too many alternative names");
        CertrotateSan *san = &items[read.count++];
        *san = (CertrotateSan){.kind = CODE(item, kinds)};
        if (san->kind != CERTROTATE_SAN_KIND_OTHER) san->text = text(json_member(item, kinds[san->kind - 1]));
    }
    return read;
}

static uint32_t chain(struct json value) {
    static const char *const plain[] = {"Unchecked", "Trusted", "Untrusted"};
    static const char *const rejected[] = {"WeakSignature", "SignatureAlgorithm", "NoCa",           "CriticalExtension",
                                           "PathLength",    "IssuerUsage",        "NameConstraints"};
    struct json reason = json_member(value, "Rejected");
    return json_exists(reason) ? CERTROTATE_CHAIN_UNTRUSTED + CODE(reason, rejected) : CODE(value, plain);
}

static const CertrotateFacts *facts(struct json value, struct facts *read) {
    read->facts = (CertrotateFacts){
        .size = sizeof read->facts,
        .leaf = digest(json_member(value, "leaf")),
        .key_digest = digest(json_member(value, "key")),
        .subject = subject(json_member(value, "subject"), read->organizations),
        .sans = sans(json_member(value, "sans"), read->sans),
        .usages = (uint32_t)json_unsigned(json_member(value, "usages")),
        .chain = chain(json_member(value, "chain")),
        .not_before = json_signed(json_member(value, "not_before")),
        .not_after = json_signed(json_member(value, "not_after")),
        .is_ca = json_is_true(json_member(value, "ca")),
    };
    return &read->facts;
}

static void add_bundle(CertrotateInventory *inventory, CertrotateName of, struct json value) {
    struct facts room;
    struct json header = json_member(value, "header");
    CertrotateBundle bundle = {
        .size = sizeof bundle,
        .generation = (uint32_t)json_unsigned(json_member(header, "generation")),
        .issued = json_signed(json_member(header, "issued")),
        .key_digest = digest(json_member(value, "key_digest")),
        .facts = facts(json_member(value, "facts"), &room),
        .key = json_unsigned(json_member(value, "key")),
        .cert = json_unsigned(json_member(value, "cert")),
        .is_private = json_is_true(json_member(value, "private")),
    };
    check(certrotate_inventory_add_bundle(inventory, of, &bundle));
}

static void add_pending(CertrotateInventory *inventory, CertrotateName of, struct json value) {
    CertrotateText organizations[MOST];
    CertrotateSan names[MOST];
    struct json template = json_member(value, "template"), duration = json_member(template, "duration");
    CertrotateTemplate made_for = {
        .size = sizeof made_for,
        .subject = subject(json_member(template, "subject"), organizations),
        .sans = sans(json_member(template, "sans"), names),
        .signer = text(json_member(template, "signer")),
        .usages = (uint32_t)json_unsigned(json_member(template, "usages")),
        .has_duration = !json_is_null(duration),
        .duration = json_is_null(duration) ? 0 : json_unsigned(duration),
        .shortest_duration = json_unsigned(json_member(template, "shortest_duration")),
    };
    CertrotatePending pending = {
        .size = sizeof pending,
        .generation = (uint32_t)json_unsigned(json_member(value, "generation")),
        .made = json_signed(json_member(value, "made")),
        .key_digest = digest(json_member(value, "key_digest")),
        .request = digest(json_member(value, "request")),
        .made_for = &made_for,
        .key = json_unsigned(json_member(value, "key")),
        .is_private = json_is_true(json_member(value, "private")),
    };
    check(certrotate_inventory_add_pending(inventory, of, &pending));
}

static void add_entry(CertrotateInventory *inventory, struct json entry) {
    static const char *const states[] = {"Unread", "Corrupt", "Unreadable"};
    CertrotateName of = name(json_member(entry, "name"));
    struct json found = json_member(entry, "found");
    if (json_exists(json_member(found, "Bundle"))) {
        add_bundle(inventory, of, json_member(found, "Bundle"));
    } else if (json_exists(json_member(found, "Pending"))) {
        add_pending(inventory, of, json_member(found, "Pending"));
    } else {
        struct json fault = json_member(found, "Unreadable");
        uint32_t code = json_exists(fault) ? disk_fault(fault) : 0;
        check(certrotate_inventory_add_file(inventory, of, CODE(found, states), code));
    }
}

static void add_pair(CertrotateInventory *inventory, struct json value) {
    static const char *const places[] = {"Current", "Dated", "Split", "Exposed"};
    struct facts room;
    struct json place = json_member(value, "place");
    CertrotatePair pair = {
        .size = sizeof pair,
        .place = CODE(place, places),
        .key_digest = digest(json_member(value, "key_digest")),
        .facts = facts(json_member(value, "facts"), &room),
        .key = json_unsigned(json_member(value, "key")),
        .cert = json_unsigned(json_member(value, "cert")),
    };
    if (pair.place == CERTROTATE_PLACE_DATED) pair.time = json_signed(json_member(place, "Dated"));
    if (pair.place == CERTROTATE_PLACE_EXPOSED) pair.name = name(json_member(place, "Exposed"));
    check(certrotate_inventory_add_pair(inventory, &pair));
}

/* Returns the inventory of a scan, which the caller frees. */
static CertrotateInventory *inventory_of(struct json scanned) {
    static const char *const links[] = {"Absent", "Link", "Foreign", "File", "Strange", "Unreadable"};
    CertrotateInventory *inventory = NULL;
    check(certrotate_inventory_new(&inventory));
    struct json current = json_member(scanned, "current"), item;
    struct json link = json_member(current, "Link"), fault = json_member(current, "Unreadable");
    CertrotateName target = {.kind = 0};
    if (json_exists(link)) target = name(link);
    check(certrotate_inventory_set_current(inventory, CODE(current, links), json_exists(link) ? &target : NULL,
                                           json_exists(fault) ? disk_fault(fault) : 0));
    struct json entries = json_member(scanned, "entries"), outside = json_member(scanned, "outside");
    for (size_t at = 0; json_exists(item = json_item(entries, at)); at++) add_entry(inventory, item);
    for (size_t at = 0; json_exists(item = json_item(outside, at)); at++) add_pair(inventory, item);
    if (json_is_true(json_member(scanned, "more"))) check(certrotate_inventory_set_more(inventory));
    return inventory;
}

static CertrotateStatus give_disk(const CertrotateRotator *rotator, CertrotateNow now, struct json answer,
                                  CertrotateStep **step) {
    struct json result = json_member(answer, "result");
    struct json done = json_member(result, "Ok");
    if (!json_exists(done)) {
        return certrotate_disk_failed(rotator, now, op(answer), disk_fault(json_member(result, "Err")), step);
    }
    if (json_is(done, "Done")) return certrotate_disk_done(rotator, now, op(answer), step);
    CertrotateInventory *inventory = inventory_of(json_member(done, "Scanned"));
    CertrotateStatus status = certrotate_scanned(rotator, now, op(answer), inventory, step);
    certrotate_inventory_free(inventory);
    return status;
}

static CertrotateStatus give_key(const CertrotateRotator *rotator, CertrotateNow now, struct json answer,
                                 CertrotateStep **step) {
    struct json made = json_member(json_member(answer, "result"), "Ok");
    if (!json_exists(made)) return certrotate_key_failed(rotator, now, op(answer), step);
    CertrotateDigest key_digest = digest(json_member(made, "key_digest")), request = digest(json_member(made, "request"));
    uint64_t key = json_unsigned(json_member(made, "key"));
    return certrotate_key_made(rotator, now, op(answer), key, &key_digest, &request, step);
}

static CertrotateStatus give_record(const CertrotateRotator *rotator, CertrotateNow now, CertrotateOp of,
                                    struct json value, CertrotateStep **step) {
    struct facts room;
    CertrotateDigest key_digest;
    static const char *const states[] = {"Pending", "Approved", "Denied", "Failed", "Issued", "IssuedUnreadable"};
    struct json key = json_member(value, "key"), state = json_member(value, "state");
    struct json issued = json_member(state, "Issued");
    CertrotateRequestRecord record = {
        .size = sizeof record,
        .signer = text(json_member(value, "signer")),
        .requester = text(json_member(value, "requester")),
        .usages = (uint32_t)json_unsigned(json_member(value, "usages")),
        .state = CODE(state, states),
    };
    if (!json_is_null(key)) {
        key_digest = digest(key);
        record.key_digest = &key_digest;
    }
    if (json_exists(issued)) {
        record.cert = json_unsigned(json_member(issued, "cert"));
        record.facts = facts(json_member(issued, "facts"), &room);
    }
    return certrotate_call_answered(rotator, now, of, &record, step);
}

static CertrotateStatus give_call(const CertrotateRotator *rotator, CertrotateNow now, struct json answer,
                                  CertrotateStep **step) {
    static const char *const faults[] = {"NoCredential", "Unreachable", "NotAuthenticated", "NotPermitted",
                                         "NotFound",     "AlreadyExists", "Throttled",      "Invalid",
                                         "Unavailable",  "WatchEnded",  "HandleGone",       "Unexpected"};
    struct json result = json_member(answer, "result");
    struct json record = json_member(result, "Ok"), fault = json_member(result, "Err");
    if (json_exists(record)) return give_record(rotator, now, op(answer), record, step);
    uint32_t code = CODE(fault, faults);
    struct json wait = json_member(json_member(fault, faults[code - 1]), "retry_after");
    uint64_t retry_after = json_is_null(wait) ? 0 : json_unsigned(wait);
    return certrotate_call_failed(rotator, now, op(answer), code, json_is_null(wait) ? NULL : &retry_after, step);
}

CertrotateStatus give(const CertrotateRotator *rotator, CertrotateNow now, struct json input, CertrotateStep **step) {
    struct json disk = json_member(input, "DiskAnswered"), key = json_member(input, "KeyMade");
    struct json call = json_member(input, "CallAnswered"), config = json_member(input, "Reconfigure");
    if (json_exists(disk)) return give_disk(rotator, now, disk, step);
    if (json_exists(key)) return give_key(rotator, now, key, step);
    if (json_exists(call)) return give_call(rotator, now, call, step);
    if (json_exists(config)) return certrotate_reconfigure(rotator, now, config.at, config.length, step);
    if (json_is(input, "RotateNow")) return certrotate_rotate_now(rotator, now, step);
    if (json_is(input, "Shutdown")) return certrotate_shutdown(rotator, now, step);
    if (!json_is(input, "Tick")) fail("an input that this driver does not know");
    return certrotate_tick(rotator, now, step);
}
