// SPDX-License-Identifier: BSD-2-Clause
/* pcscd's client library. Neither the library nor the command is linked to it: most machines of ours have none. */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "reader/backend.h"
#include "pcsc_int.h"

#define LIBRARY		"libpcsclite.so.1"
#define RUN		"/run/pcscd/"		/* pcsc-lite's --enable-ipcdir */
#define STACK		(256 * 1024)

static struct pcsc_api api;
static bool loaded;

static void load(void)
{
	static const struct { const char *name; size_t at; } functions[] = {
#define AT(member) offsetof(struct pcsc_api, member)
		{ "SCardEstablishContext", AT(establish) }, { "SCardReleaseContext", AT(release) },
		{ "SCardListReaders", AT(list) }, { "SCardGetStatusChange", AT(status_change) },
		{ "SCardCancel", AT(cancel) }, { "SCardConnect", AT(connect) },
		{ "SCardReconnect", AT(reconnect) }, { "SCardDisconnect", AT(disconnect) },
		{ "SCardStatus", AT(status) }, { "SCardTransmit", AT(transmit) },
		{ "SCardControl", AT(control) }, { "SCardGetAttrib", AT(attrib) },
#undef AT
	};
	void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL), *function;

	if (!lib)
		return;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		function = dlsym(lib, functions[i].name);
		if (!function)
			return;
		*(void **)((char *)&api + functions[i].at) = function;
	}
	loaded = true;
}

const struct pcsc_api *cr_pcsc(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	return loaded ? &api : NULL;
}

bool cr_pcscd_elsewhere(void)
{
	return secure_getenv("PCSCLITE_CSOCK_NAME") != NULL;
}

bool cr_pcscd_runs(void)
{
	FILE *f;
	int pid = 0;

	if (cr_pcscd_elsewhere())
		return true;
	if (access(RUN "pcscd.comm", F_OK))
		return false;
	/* without systemd nobody but pcscd itself makes its socket */
	if (access("/run/systemd/system", F_OK))
		return true;
	f = fopen(RUN "pcscd.pid", "re");
	if (!f)
		return false;
	if (fscanf(f, "%d", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid > 0 && (!kill(pid, 0) || errno == EPERM);
}

int cr_pcsc_errno(long rv)
{
	switch (rv & 0xffffffffL) {
	case 0:
		return 0;
	case PCSC_E_CANCELLED:
		return -ECANCELED;
	case PCSC_E_INVALID_PARAMETER:
		return -EINVAL;
	case PCSC_E_NO_MEMORY:
		return -ENOMEM;
	case PCSC_E_INSUFFICIENT_BUFFER:
		return -EMSGSIZE;
	case PCSC_E_TIMEOUT:
		return -ETIMEDOUT;
	case PCSC_E_SHARING_VIOLATION:
		return -EBUSY;
	case PCSC_E_NO_SMARTCARD:
	case PCSC_W_REMOVED_CARD:
	case PCSC_W_UNPOWERED_CARD:
	case PCSC_W_RESET_CARD:
		return -ENOMEDIUM;
	case PCSC_E_NO_ACCESS:
	case PCSC_W_SECURITY_VIOLATION:
		return -EPERM;
	case PCSC_E_UNKNOWN_READER:
	case PCSC_E_READER_UNAVAILABLE:
	case PCSC_E_NO_READERS_AVAILABLE:
	case PCSC_F_COMM_ERROR:
	case PCSC_E_INVALID_HANDLE:
	case PCSC_E_NO_SERVICE:
	case PCSC_E_SERVICE_STOPPED:
		return -ENODEV;
	case PCSC_E_PROTO_MISMATCH:
	case PCSC_E_NOT_TRANSACTED:
	case PCSC_W_UNSUPPORTED_CARD:
	case PCSC_W_UNRESPONSIVE_CARD:
		return -EREMOTEIO;
	}
	return -EIO;
}

int cr_pcsc_error(long rv)
{
	switch (rv & 0xffffffffL) {
	case 0:
		return 0;
	case PCSC_F_COMM_ERROR:
	case PCSC_E_INVALID_HANDLE:
	case PCSC_E_NO_SERVICE:
	case PCSC_E_SERVICE_STOPPED:
		return CR_E_NO_SERVICE;
	case PCSC_E_NO_MEMORY:
		return CR_E_NOMEM;
	case PCSC_E_NO_ACCESS:
	case PCSC_W_SECURITY_VIOLATION:
		return CR_E_READER_DENIED;
	case PCSC_E_SHARING_VIOLATION:
		return CR_E_READER_BUSY;
	case PCSC_E_UNKNOWN_READER:
	case PCSC_E_READER_UNAVAILABLE:
		return CR_E_READER_GONE;
	}
	return CR_E_READER_FAILED;
}

/* ---- threads ---- */

int cr_pcsc_thread(void *(*run)(void *arg), void *arg)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	/* signals are the program's */
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err ? CR_E_NOMEM : 0;
}

struct errand {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done, alone;
	void (*run)(void *arg);
	void (*drop)(void *arg);
	void *arg;
};

static void errand_free(struct errand *e)
{
	pthread_cond_destroy(&e->ended);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static void *errand(void *arg)
{
	struct errand *e = arg;
	bool alone;

	e->run(e->arg);
	pthread_mutex_lock(&e->lock);
	e->done = true;
	alone = e->alone;
	pthread_cond_signal(&e->ended);
	pthread_mutex_unlock(&e->lock);
	if (alone) {
		e->drop(e->arg);
		errand_free(e);
	}
	return NULL;
}

bool cr_pcsc_errand(void (*run)(void *arg), void (*drop)(void *arg), void *arg, unsigned int ms)
{
	struct errand *e = calloc(1, sizeof(*e));
	pthread_condattr_t attr;
	struct timespec until;
	bool done;

	if (!e) {
		drop(arg);
		return false;
	}
	*e = (struct errand){ .run = run, .drop = drop, .arg = arg };
	pthread_mutex_init(&e->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&e->ended, &attr);
	pthread_condattr_destroy(&attr);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	if (cr_pcsc_thread(errand, e)) {
		drop(arg);
		errand_free(e);
		return false;
	}
	pthread_mutex_lock(&e->lock);
	while (!e->done && pthread_cond_timedwait(&e->ended, &e->lock, &until) != ETIMEDOUT)
		;
	done = e->done;
	e->alone = !done;
	pthread_mutex_unlock(&e->lock);
	if (done)
		errand_free(e);
	return done;
}
