"""replace-einsum."""
from support import main, np, rand

KINDS = {"a": 5, "b": 2, "c": 3, "d": 4, "h": 2, "i": 4, "j": 5, "k": 6, "l": 3, "m": 4, "n": 7}


def einsum(equation, after, sizes=None, out=None, constant=(), dtype="float", opset=13, **more):
    """Einsum of inputs x0, x1, … that have one axis a label."""
    terms, _, result = equation.partition("->")
    lengths = KINDS | (sizes or {})
    inputs, weights = [], {}
    for t, term in enumerate(terms.split(",")):
        shape = [lengths[c] for c in term if c.isalpha()]
        if t in constant:
            weights[f"x{t}"] = rand(*shape)
        else:
            inputs.append(f"{dtype}[{','.join(map(str, shape))}] x{t}" if shape else f"{dtype} x{t}")
    names = ", ".join(f"x{t}" for t in range(len(terms.split(","))))
    rank = len(out if out is not None else result.strip())
    y = f"{dtype}[{','.join('PQRSTU'[:rank])}] y" if rank else f"{dtype} y"
    return dict(text=f'g ({", ".join(inputs)}) => ({y}) {{ e = Einsum<equation = "{equation}">({names}) y = Identity(e) }}', weights=weights,
                passes="replace-einsum", after=after and after + " Identity", opset=opset, **more)


CASES = {
    "product_of_matrices": einsum("ij,jk->ik", "MatMul"),
    "product_in_a_batch": einsum("bhij,bhjd->bhid", "MatMul"),
    "product_in_the_other_order": einsum("bjk,bij->bik", "MatMul"),
    "product_with_weights": einsum("bli,ik->blk", "MatMul", constant=[1]),
    "product_with_turned_weights": einsum("bli,ki->blk", "Transpose MatMul", constant=[1]),
    "product_with_turned_weights_in_a_batch": einsum("bli,bki->blk", "Transpose MatMul", constant=[1]),
    "product_of_a_matrix_and_a_vector": einsum("bij,j->bi", "MatMul"),
    "product_of_a_vector_and_matrices": einsum("j,bjk->bk", "MatMul"),
    "product_of_vectors": einsum("i,i->", "MatMul"),
    "product_without_an_arrow": einsum("ij,jk", "MatMul", out="ik"),
    "product_with_spaces": einsum("bij, bjk -> bik", "MatMul"),
    "turned_right_side_of_two_axes": einsum("ij,kj->ik", "Gemm"),
    "turned_left_side_of_two_axes": einsum("ji,jk->ik", "Gemm"),
    "both_sides_turned": einsum("ji,kj->ik", "Gemm"),
    "elementwise": einsum("bij,bij->bij", "Mul"),
    "elementwise_with_fewer_axes": einsum("ij,bij->bij", "Mul"),
    "times_a_number": einsum("ij,->ij", "Mul"),
    "sum": einsum("bij->bj", "ReduceSum"),
    "sum_of_all": einsum("ij->", "ReduceSum"),
    "sum_below_13": einsum("bij->i", "ReduceSum", opset=12),
    "transpose": einsum("bij->jbi", "Transpose"),
    "nothing_at_all": einsum("ij->ij", None) | dict(after="Identity"),
    "doubles": einsum("ij,jk->ik", "MatMul", dtype="double"),
    # what stays
    "turned_activations_in_a_batch_stay": einsum("bhid,bhjd->bhij", None),
    "an_outer_product_stays": einsum("bld,dn->bldn", None),
    "a_product_that_needs_an_axis_stays": einsum("bdn,bn->bd", None),
    "three_terms_stay": einsum("ij,jk,kl->il", None),
    "a_diagonal_stays": einsum("ii->i", None),
    "an_ellipsis_stays": einsum("...ij,...jk->...ik", None) | dict(
        text='g (float[2,3,4] x0, float[2,4,5] x1) => (float[2,3,5] y) { y = Einsum<equation = "...ij,...jk->...ik">(x0, x1) }'),
    "a_sum_in_another_order_stays": einsum("bij->jb", None),
    "an_axis_that_only_one_side_has_and_is_summed_stays": einsum("bij,jk->bk", None),
    "the_batch_at_another_place_stays": einsum("ibj,bjk->bik", None),
    "the_result_in_another_order_stays": einsum("bij,bjk->bki", None),
    "an_axis_that_is_stretched_stays": dict(
        text='g (float[4,1] x0, float[6,7] x1) => (float[4,7] y) { y = Einsum<equation = "ij,jk->ik">(x0, x1) }', passes="replace-einsum",
        after=None),
    "lengths_that_are_not_known_to_be_equal_stay": dict(
        text='g (float[4,P] x0, float[Q,7] x1) => (float[4,7] y) { y = Einsum<equation = "ij,jk->ik">(x0, x1) }', passes="replace-einsum",
        after=None, feeds={"x0": rand(4, 6), "x1": rand(6, 7)}),
    "lengths_of_one_symbol": dict(
        text='g (float[4,P] x0, float[P,7] x1) => (float[4,7] y) { y = Einsum<equation = "ij,jk->ik">(x0, x1) }', passes="replace-einsum",
        after="MatMul"),
    "integers_stay": einsum("ij,jk->ik", None, dtype="int64"),
    "turned_weights_are_folded_then": einsum("bli,ki->blk", "MatMul", constant=[1]) | dict(passes="replace-einsum,fold-constants"),
}
main(CASES)
