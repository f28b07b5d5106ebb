//! How rows are written.

macro_rules! rows {
    ($($(#[$doc:meta])* $operation:literal $name:ident { prepare: $prepare:expr, act: $act:expr, fine: $fine:expr, audit: $audit:expr, })*) => {
        pub(super) const ROWS: &[&str] = &[$($operation,)*];

        $(
            $(#[$doc])*
            #[tokio::test]
            async fn $name() {
                row(is_deep($operation), $prepare, $act, &$fine, $audit).await;
            }
        )*
    };
}
