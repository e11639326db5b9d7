/* A complete driver in C: one thread, one rotator, and the loop of docs/embedding.md.
 *
 *     certrotate-model conformance -- target/bindings/c/driver
 *
 * The conformance kit plays disk, key store, issuer, sink and clocks; kit.h has these. A real driver replaces them and keeps
 * this file. */
#include "../include/certrotate.h"
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* The inputs that wait for their step, oldest first. */
struct queue {
    char *inputs[64];
    size_t first, count;
};

static void push(struct queue *queue, char *input) {
    if (input == NULL) return;
    if (queue->count == 64) {
        fprintf(stderr, "driver: more than 64 inputs wait; carry out fewer operations at once\n");
        exit(2);
    }
    queue->inputs[(queue->first + queue->count++) % 64] = input;
}

static char *pop(struct queue *queue) {
    char *input = queue->inputs[queue->first];
    queue->first = (queue->first + 1) % 64;
    queue->count--;
    return input;
}

/* Carries out one action. Returns true if the run ends. */
static bool carry_out(const CertrotateAction *action, struct queue *queue) {
    switch (action->kind) {
    case CERTROTATE_ACTION_KIND_DISK:
    case CERTROTATE_ACTION_KIND_MAKE_KEY:
        /* This driver waits for them. One with threads hands them over, and pushes the answer later. */
        push(queue, kit_finish(action));
        return false;
    case CERTROTATE_ACTION_KIND_CALL:   /* the answer comes while the driver sleeps */
    case CERTROTATE_ACTION_KIND_CANCEL: /* nothing is saved by ending a call here */
    case CERTROTATE_ACTION_KIND_GO_LIVE:
    case CERTROTATE_ACTION_KIND_WITHDRAW: /* both take effect at once */
        kit_begin(action);
        return false;
    case CERTROTATE_ACTION_KIND_REPORT:
        /* For an operator, action->text is the line of the log. */
        kit_begin(action);
        return false;
    case CERTROTATE_ACTION_KIND_EXIT:
        return true;
    default:
        fprintf(stderr, "driver: action %u is unknown; build the driver with the header of this library\n", action->kind);
        exit(2);
    }
}

/* Takes one step and carries out its actions. Returns true if the run ends. */
static bool take_step(CertrotateRotator *rotator, CertrotateNow now, char *input, struct queue *queue) {
    CertrotateStep *step = NULL;
    check(give(rotator, now, json_read(input), &step));

    CertrotateSummary summary = {.size = sizeof summary};
    check(certrotate_step_summary(step, &summary));
    bool ends = !kit_step(now, input, step, summary.actions);
    for (size_t index = 0; index < summary.actions && !ends; index++) {
        CertrotateAction action = {.size = sizeof action};
        check(certrotate_step_action(step, index, &action));
        ends = carry_out(&action, queue);
    }
    /* After the actions: those of this step may still need the keys. */
    if (summary.erase > 0 && !ends) kit_erase(step, summary.erase);
    certrotate_step_free(step);
    free(input);
    return ends;
}

/* Draws the id of this run: two runs with equal ids would accept each other's answers. */
static uint64_t draw_run(void) {
    uint64_t run = 0;
    if (getrandom(&run, sizeof run, 0) != sizeof run) {
        perror("driver: no random number for the run; the system's source failed");
        exit(2);
    }
    return run;
}

int main(void) {
    char *greeting = kit_line();
    struct json config = json_member(json_read(greeting), "config");
    uint64_t run = draw_run();
    CertrotateRotator *rotator = NULL;
    check(certrotate_rotator_new(config.at, config.length, run, &rotator));
    free(greeting);
    kit_started(run);

    struct queue queue = {.first = 0};
    push(&queue, kit_first_tick());
    for (bool ends = false; !ends;) {
        CertrotateNow now = kit_now();
        if (queue.count > 0) {
            ends = take_step(rotator, now, pop(&queue), &queue);
            continue;
        }
        uint64_t milliseconds = 0;
        check(certrotate_sleep(rotator, now, &milliseconds));
        push(&queue, kit_wait(milliseconds));
    }
    while (queue.count > 0) free(pop(&queue));
    certrotate_rotator_free(rotator);
    return 0;
}
