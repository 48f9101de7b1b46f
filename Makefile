# user_profile: PGXS build
EXTENSION = user_profile
# The control file is the only place of the version
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" user_profile.control)

MODULE_big = user_profile
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
SCRIPT = sql/user_profile--$(EXTVERSION).sql
# Released scripts, which never change again: sql/SHA256SUMS lists them
RELEASED := $(shell sed 's/^[^ ]* *//' sql/SHA256SUMS 2>/dev/null)
DATA = $(sort $(RELEASED) $(wildcard sql/user_profile--*--*.sql))
ifeq ($(filter $(SCRIPT), $(RELEASED)),)
DATA_built = $(SCRIPT)
endif
DOCS =

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test

# Off: what PostgreSQL's own headers and macros are not written for
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
# Not in PG_CFLAGS: the compiler of the JIT's bitcode is not given these
PG_CPPFLAGS = -DUSER_PROFILE_VERSION='"$(EXTVERSION)"'

EXTRA_CLEAN = results regression.diffs regression.out

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Our functions call ours, even where the server has one of the same name
ifeq ($(PORTNAME), linux)
SHLIB_LINK += -Wl,-Bsymbolic-functions
endif

# The install script, in load order, until it is released
ifneq ($(DATA_built),)
$(SCRIPT): $(sort $(wildcard sql/parts/*.sql)) user_profile.control
	cat $(sort $(wildcard sql/parts/*.sql)) > $@
endif

# PGXS knows no header dependencies
$(OBJS): $(wildcard src/*.h)
