// What a program asks for while it runs, and a static one has to find within itself. `config/static/build` links this.
#define _GNU_SOURCE
#include <nss.h>
#include <string.h>
#include <sys/random.h>

// /etc/nsswitch.conf may name modules (myhostname, resolve, sss) that are libraries of the system. They want the system's
// own C library, and bring down a program that has another one in it. Files and DNS are built in.
__attribute__((constructor)) static void look_up_with_what_is_built_in(void) {
    __nss_configure_lookup("hosts", "files dns");
    __nss_configure_lookup("passwd", "files");
    __nss_configure_lookup("group", "files");
}

// The crate getrandom looks for the call of that name by `dlsym`, which finds nothing in a static program, and would then
// want /dev/random and /dev/urandom, which an empty root does not have. With `--wrap=dlsym` it asks here.
void *__wrap_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name) {
    (void)handle;
    return strcmp(name, "getrandom") == 0 ? (void *)getrandom : NULL;
}
