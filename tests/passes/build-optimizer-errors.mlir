// RUN: swamla-opt %s --swamla-build-optimizer --split-input-file --verify-diagnostics

// expected-error @+1 {{expected the module attributes swamla.flat_decay and swamla.flat_total, found no layout; run swamla-layout-params before swamla-build-optimizer}}
module {
}

// -----

// expected-error @+1 {{expected swamla.flat_decay <= swamla.flat_total, both multiples of 1024, found 1024 and 100}}
module attributes {swamla.flat_decay = 1024 : i64, swamla.flat_total = 100 : i64} {
}

// -----

// expected-error @+1 {{has no parameters: there is nothing to optimize}}
module attributes {swamla.flat_decay = 0 : i64, swamla.flat_total = 0 : i64} {
}

// -----

// expected-error @+1 {{cannot build @apply: the module has one already}}
module attributes {swamla.flat_decay = 0 : i64, swamla.flat_total = 1024 : i64} {
  // expected-note @+1 {{see here}}
  func.func private @apply()
}

// -----

// expected-error @+1 {{cannot build @cast: the module has one already}}
module attributes {swamla.flat_decay = 0 : i64, swamla.flat_total = 1024 : i64} {
  // expected-note @+1 {{see here}}
  func.func private @cast()
}
