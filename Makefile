# The three that a newcomer needs:
#   make demo   says and installs what is missing, builds, and runs quorum-kill for real
#   make test   says and installs what is missing, and runs every check and the tests
#   make unit   installs nothing, and runs the tests for which everything is there: Go is enough

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GOLANGCI_LINT_VERSION := v2.15.0
LINT := .tools/golangci-lint-$(GOLANGCI_LINT_VERSION)
NFPM_VERSION := v2.45.2
NFPM := .tools/nfpm-$(NFPM_VERSION)

# Without a C compiler Go has no race detector.
RACE := $(shell command -v $${CC:-gcc} >/dev/null 2>&1 && echo -race)
# What starts no goroutine has no race, and takes ten times as long with the detector. A test of internal/race compares this list
# with what the packages and their tests do; make test-long uses the detector for them, too.
SINGLE := ./audit ./cluster/probe ./compare ./compare/html ./compare/tables ./compare/trend ./expect ./experiments ./internal/arrows ./internal/attached ./internal/catch ./internal/listen ./internal/modesdocs ./internal/pictures ./internal/redact ./internal/regular ./internal/serverdir ./internal/skip ./internal/spell ./internal/timelinesql ./internal/units ./internal/words ./live ./outage ./record ./record/jepsen ./report ./report/github ./report/html ./report/junit ./report/lanes ./report/markdown ./report/summary ./report/svg ./report/tap ./report/text ./rows ./search ./selftest ./series ./spec ./standbynames ./syncmode ./verdict
# Packages whose tests take longest begin first, so that none is left to run alone at the end.
LONGEST := ./cmd/pgchaos ./internal/browsertest ./load/pgload ./cluster/docker ./runner ./cluster/rowscan ./cluster/local ./cluster ./store ./internal/hatest ./chaos/fault

.PHONY: demo test test-long build charts setup setup-test lint unit mutate test-versions bench sync-modes-run sync-modes-docs pictures dist clean

demo: build
	bin/pgchaos run experiments/quorum-kill.yaml

# One after the other: tests that run real servers beside a busy linter measure the linter.
test: setup-test lint
	@$(MAKE) --no-print-directory unit VET=-vet=off

# What takes long: every case of the tests that have many similar ones, and the arithmetic that is repeated less often with the
# race detector. Each has a part that make test runs. For before a release, and for a nightly job.
test-long: setup-test
	go test $(RACE) -tags long -timeout 120m ./cmd/pgchaos ./chaos/... ./cluster/... ./runner ./store/... ./internal/browsertest
	go test -tags long -timeout 30m ./compare/... ./load ./record/... ./report/... ./spec
	go test $(RACE) -timeout 60m $(SINGLE)

build: setup charts
	CGO_ENABLED=0 go build -ldflags "-X main.buildVersion=$(VERSION)" -o bin/pgchaos ./cmd/pgchaos

setup:
	@scripts/setup.sh

# The interactive charts of report.html, where npm is there.
charts:
	@scripts/charts.sh

setup-test:
	@scripts/setup.sh test docker ha
	@scripts/charts.sh test

# golangci-lint has all that go vet looks for (its linter govet). The build of the files for other systems than Linux is thrown
# away, so that it need not be fast.
lint: $(LINT)
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go build -gcflags='-N -l' ./...
	$(LINT) run

# The linter is built outside the module, so that its dependencies are not ours.
$(LINT):
	@echo "building golangci-lint $(GOLANGCI_LINT_VERSION) (once)" >&2
	GOBIN=$(CURDIR)/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv .tools/golangci-lint $@

# GOGC: fewer garbage collections, which save a fifth of the processor time of tests that only calculate.
unit:
	@scripts/setup.sh list test docker ha | sed 's/^/skipping the tests that need /'
	GOGC=400 go test $(VET) $(SINGLE)
	go test $(VET) $(RACE) -timeout 60m $(LONGEST) $(filter-out $(SINGLE),$(patsubst pgchaos/%,./%,$(shell go list ./...)))

# Each rule of the audit switched off in turn: some minutes, and kept out of the ordinary tests.
# make mutate FILES='recovery*.go' tries those files only.
FILES :=
mutate:
	go run ./internal/mutate -files '$(FILES)' -tests ./audit,./outage,./report,./selftest ./rows ./verdict ./expect ./audit ./outage

# Every major version of PostgreSQL, in containers: kept out of the ordinary tests.
test-versions: build
	@scripts/setup.sh docker
	@scripts/test-versions.sh

# The load engine against pgbench, on a server of its own: kept out of the tests, for it
# needs a quiet machine and twenty minutes. It writes docs/performance.md's table.
bench: setup
	@mkdir -p bin
	CGO_ENABLED=0 go build -o bin/bench ./internal/bench
	bin/bench --write docs/performance.md

# What each mode of synchronous replication costs and saves: three series, for two hours on a machine with
# nothing else to do. ROUNDS=2 is a quick look.
ROUNDS :=
sync-modes-run: build
	for e in sync-modes sync-modes-kill sync-modes-slow-standby; do \
	  bin/pgchaos run $$e $(if $(ROUNDS),--rounds $(ROUNDS)); code=$$?; \
	  case $$code in 0|3|4) ;; *) exit $$code;; esac; done
	@echo "keep them with: make sync-modes-docs SERIES='results/sync-modes-TIME results/sync-modes-kill-TIME results/sync-modes-slow-standby-TIME'"

# docs/sync-modes.md from what is kept in docs/sync-modes, and from the series that SERIES names.
# BESIDE is a sentence on what else the machine did, if it did anything.
SERIES :=
BESIDE :=
sync-modes-docs:
	go run ./internal/modesdocs $(if $(BESIDE),-beside '$(BESIDE)') $(SERIES)

# The pictures at the head of README.md, from a run of quorum-kill: look at them before you commit them.
pictures: build setup-test
	go run ./internal/pictures

# What users download, in dist/: static binaries, Debian packages and their checksums.
dist: $(NFPM)
	NFPM=$(CURDIR)/$(NFPM) scripts/dist.sh dist
	scripts/test-dist.sh dist

$(NFPM):
	@echo "building nfpm $(NFPM_VERSION) (once)" >&2
	GOBIN=$(CURDIR)/.tools go install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPM_VERSION)
	@mv .tools/nfpm $@

clean:
	rm -rf bin dist .tools report/html/assets/dist/uPlot*
