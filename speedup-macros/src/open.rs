//! Type parameters that may stand for what borrows: those of which nothing says that they are `'static`.

use syn::visit::{self, Visit};
use syn::{GenericParam, Generics, Type, TypeParam, TypeParamBound, WherePredicate};

/// Traits that are known to be had by `'static` types alone.
const LASTING: [&str; 3] = ["Any", "Argument", "Output"];

/// The names of the type parameters that may borrow.
pub(crate) fn parameters(generics: &Generics) -> Vec<String> {
    let names = generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) if !says_lasting(&parameter.bounds) => Some(parameter.ident.to_string()),
        _ => None,
    });
    names.filter(|name| !is_lasting_by_clause(generics, name)).collect()
}

/// Traits that are had by types that borrow, too. Of others it is not known.
const SHORT: [&str; 14] = [
    "Clone",
    "Copy",
    "Debug",
    "Default",
    "Display",
    "Eq",
    "Hash",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Send",
    "Sized",
    "Sync",
    "Unpin",
];

/// The type parameters that may borrow for certain: of the others a trait may say that they last.
pub(crate) fn certain(generics: &Generics) -> impl Iterator<Item = &TypeParam> {
    let open = parameters(generics);
    let is_short = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| SHORT.iter().any(|name| last.ident == name))
        }
        _ => true,
    };
    let of_clause = move |parameter: &TypeParam| {
        let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
        predicates.into_iter().all(|predicate| match predicate {
            WherePredicate::Type(predicate) => {
                !matches!(&predicate.bounded_ty, Type::Path(path) if path.path.is_ident(&parameter.ident))
                    || predicate.bounds.iter().all(is_short)
            }
            _ => true,
        })
    };
    generics.type_params().filter(move |parameter| {
        open.iter().any(|name| parameter.ident == name) && parameter.bounds.iter().all(is_short) && of_clause(parameter)
    })
}

fn is_lasting_by_clause(generics: &Generics, name: &str) -> bool {
    let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    predicates.into_iter().any(|predicate| match predicate {
        WherePredicate::Type(predicate) => {
            matches!(&predicate.bounded_ty, Type::Path(path) if path.path.is_ident(name))
                && says_lasting(&predicate.bounds)
        }
        _ => false,
    })
}

fn says_lasting<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>) -> bool {
    bounds.into_iter().any(|bound| match bound {
        TypeParamBound::Lifetime(lifetime) => lifetime.ident == "static",
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| LASTING.iter().any(|name| last.ident == name))
        }
        _ => false,
    })
}

/// The first of these parameters that a type mentions.
pub(crate) fn mentioned<'a>(ty: &Type, parameters: &'a [String]) -> Option<&'a String> {
    struct Search<'a>(&'a [String], Option<&'a String>);
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            let first = path.segments.first().filter(|_| path.leading_colon.is_none());
            if let Some(first) = first {
                self.1 = self.1.or_else(|| self.0.iter().find(|name| first.ident == **name));
            }
            visit::visit_path(self, path);
        }
    }
    let mut search = Search(parameters, None);
    search.visit_type(ty);
    search.1
}

#[cfg(test)]
mod tests {
    use super::{certain, mentioned, parameters};

    fn open(generics: &str) -> Vec<String> {
        parameters(&syn::parse_str::<syn::ItemFn>(&format!("fn f{generics} {{}}")).unwrap().sig.generics)
    }

    #[test]
    fn a_parameter_is_open_unless_a_bound_says_that_it_lasts() {
        assert_eq!(open("<'a, T, U: Ord + Sync, const N: usize>()"), ["T", "U"]);
        assert!(open("<T: Ord + 'static, A: Any, K: speedup::cache::Argument>()").is_empty());
        assert_eq!(open("<T, U>() where T: Clone, U: 'static, Vec<T>: 'static"), ["T"]);
        assert_eq!(open("<'a, T: 'a, I: Iterator<Item = u64>>()"), ["T", "I"]);
    }

    #[test]
    fn it_borrows_for_certain_if_no_unknown_trait_can_say_otherwise() {
        let function = syn::parse_str::<syn::ItemFn>(
            "fn f<T: Ord, U: Shape, V, W: Ord + 'static>() where V: std::hash::Hash, T: Clone, Vec<U>: Shape {}",
        );
        let generics = function.unwrap().sig.generics;
        let names: Vec<String> = certain(&generics).map(|parameter| parameter.ident.to_string()).collect();
        assert_eq!(names, ["T", "V"]);
    }

    #[test]
    fn it_is_mentioned_wherever_it_stands_in_a_type() {
        let found = |ty: &str| mentioned(&syn::parse_str(ty).unwrap(), &["T".to_owned()]).is_some();
        assert!(["T", "&'a [T]", "Vec<(u8, T)>", "T::Item", "<T as Iterator>::Item", "[T; 3]"].into_iter().all(found));
        assert!(!["u64", "Vec<U>", "a::T", "::T"].into_iter().any(found));
    }
}
