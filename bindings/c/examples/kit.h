/* The outside of the example driver: the conformance kit over pipes (docs/conformance.md).
 *
 * A real driver has a disk, a key store, an issuer and clocks in its place. */
#ifndef KIT_H
#define KIT_H

#include <stdbool.h>

#include "../include/certrotate.h"
#include "json.h"

/* Reads a line of the kit; the caller frees it. Ends the program if there is none. */
char *kit_line(void);

/* The input that starts a rotator; the caller frees it. */
char *kit_first_tick(void);

/* Says that a run has started. */
void kit_started(uint64_t run);

/* Reads both clocks. */
CertrotateNow kit_now(void);

/* Reports a step. Returns false if the run is over. */
bool kit_step(CertrotateNow now, const char *input, const CertrotateStep *step, size_t actions);

/* Carries out an action without a wait. */
void kit_begin(const CertrotateAction *action);

/* Carries out an action and waits for its answer; null if there is none. The caller frees it. */
char *kit_finish(const CertrotateAction *action);

/* Erases the keys and chains that a step lists. */
void kit_erase(const CertrotateStep *step, size_t count);

/* Sleeps this long, or until the next input. Returns the input, which the caller frees. */
char *kit_wait(uint64_t milliseconds);

/* Ends the program if a function failed. */
void check(CertrotateStatus status);

/* Gives an input of the kit to the rotator by the function of its kind. */
CertrotateStatus give(const CertrotateRotator *rotator, CertrotateNow now, struct json input, CertrotateStep **step);

#endif
