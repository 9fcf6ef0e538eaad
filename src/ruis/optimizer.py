"""The optimizers that training can use: Adam, and Muon on convolution kernels.

Muon replaces the update of a matrix by the nearest orthogonal one, so that all directions learn
equally fast. Keras' own does so for two-dimensional variables only; here each kernel is flattened
to the matrix that a convolution multiplies patches with.

Source: K. Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024,
https://kellerjordan.github.io/posts/muon/.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruis.recipe import Recipe

__all__ = ["build"]

ADAM_SHARE = 0.1
"""The learning rate of Adam for what Muon leaves to it, as a share of Muon's."""


def build(recipe: Recipe) -> Any:
    """Return the keras optimizer that a recipe asks for."""
    import keras

    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(
            recipe.learning_rate, epsilon=1e-8, global_clipnorm=recipe.clip_norm
        )
    return _muon()(
        recipe.learning_rate,
        adam_lr_ratio=ADAM_SHARE,
        adam_weight_decay=None,
        weight_decay=None,
        epsilon=1e-8,
        global_clipnorm=recipe.clip_norm,
        rms_rate=None,
    )


def _muon() -> Any:
    import keras
    from keras import ops

    class ConvolutionMuon(keras.optimizers.Muon):
        """Muon on the kernels of hidden convolutions; Adam on all else, the ends included."""

        def _should_use_adamw(self, variable: Any) -> bool:
            ends = variable.path.startswith(("stem", "tail"))
            return len(variable.shape) != 4 or ends

        def build(self, var_list: Any) -> None:
            super().build(var_list)
            # Transposed kernels are (height, width, out, in), the others (..., in, out).
            self.transposed = [bool(re.match(r"up\d+/", variable.path)) for variable in var_list]

        def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
            self.assign_add(m, ops.add(gradient, m * (self.momentum - 1)))
            update = ops.add(gradient, self.momentum * m) if self.nesterov else m
            *rest, last = variable.shape
            first = rest[0] * rest[1] * rest[2]
            matrix = ops.cast(ops.reshape(update, (first, last)), "bfloat16")
            matrix = ops.cast(self.zeropower_via_newtonschulz5(matrix, self.ns_steps), "float32")
            out_first = self.transposed[self._get_variable_index(variable)]
            rows, columns = (first, last) if out_first else (last, first)
            scale = max(1.0, rows / columns) ** 0.5
            self.assign_sub(variable, lr * scale * ops.reshape(matrix, variable.shape))

    return ConvolutionMuon
