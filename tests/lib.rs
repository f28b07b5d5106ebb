//! Stories and promises: see `it/`. Peers that others wrote: see `peers/`.
