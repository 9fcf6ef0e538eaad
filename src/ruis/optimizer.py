"""The optimizers that training can use: Keras', Adam in one pass, and Muon on convolution kernels.

Muon replaces the update of a matrix by the nearest orthogonal one, so that all directions learn
equally fast. Keras' own does so for two-dimensional variables only; here each kernel is flattened
to the matrix that a convolution multiplies patches with.

Source: K. Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024,
https://kellerjordan.github.io/posts/muon/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ruis.errors import ConfigError, UnknownNameError
from ruis.keras_backend import load_keras

if TYPE_CHECKING:
    from ruis.recipe import Recipe

__all__ = ["averaged", "build", "named"]

ADAM_SHARE = 0.1
"""The learning rate of Adam for what Muon leaves to it, as a share of Muon's."""

OURS: dict[str, dict[str, Any]] = {
    "adam": {"epsilon": 1e-8},
    "muon": {
        "adam_lr_ratio": ADAM_SHARE,
        "adam_weight_decay": None,
        "weight_decay": None,
        "epsilon": 1e-8,
        "rms_rate": None,
    },
}
"""What is set unless a recipe sets it, where Keras has something else."""


def build(recipe: Recipe) -> Any:
    """Return the keras optimizer that a recipe asks for.

    Raises
    ------
    ConfigError
        If Keras has none of that name, or it is given a learning rate of its own.
    """
    asked = {"name": recipe.optimizer} if isinstance(recipe.optimizer, str) else recipe.optimizer
    if "learning_rate" in asked:
        raise ConfigError("the learning rate is the recipe's own: learning_rate, beside optimizer.")
    settings: dict[str, Any] = {"global_clipnorm": recipe.clip_norm}
    if recipe.ema is not None:
        settings |= {"use_ema": True, "ema_momentum": recipe.ema}
    settings |= OURS.get(str(asked.get("name", "")).lower(), {})
    return _in_one_pass(_warming_up(named(settings | asked, recipe.learning_rate)))


def _warming_up(optimizer: Any) -> Any:
    """Let the moving average look back no further than a ninth of the way that lies behind it.

    With a fixed momentum the first weights, which know nothing, would weigh in on short trainings.
    """
    from keras import ops

    def update(variables: Any) -> None:
        if not optimizer.use_ema:
            return
        averages = optimizer._model_variables_moving_average  # noqa: SLF001 - Keras has no other door
        taken = ops.cast(optimizer.iterations, "float32")  # of this step: it is counted later
        momentum = ops.minimum(optimizer.ema_momentum, (1 + taken) / (10 + taken))
        momentum = ops.where(taken > 0, momentum, 0.0)
        for variable, average in zip(variables, averages, strict=True):
            average.assign(momentum * average + (1 - momentum) * variable)

    optimizer._update_model_variables_moving_average = update  # noqa: SLF001
    return optimizer


def _in_one_pass(optimizer: Any) -> Any:
    """Let TensorFlow take a step of Adam as the one operation that it has for it, instead of a dozen.

    Each of the dozen reads and writes as much memory as there are weights. The formula is the same.
    Here and not in a class of ours, because files that Keras writes name the optimizer's class.
    """
    import keras

    tensorflow = keras.backend.backend() == "tensorflow"
    if not tensorflow or type(optimizer) is not keras.optimizers.Adam or optimizer.amsgrad:
        return optimizer
    import tensorflow as tf

    own = optimizer.update_step

    def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
        dense = isinstance(gradient, tf.Tensor) and gradient.dtype == variable.dtype == "float32"
        if not dense:
            own(gradient, variable, learning_rate)
            return
        index = optimizer._get_variable_index(variable)  # noqa: SLF001 - Keras has no other door
        taken = tf.cast(optimizer.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=optimizer._momentums[index].value.handle,  # noqa: SLF001
            v=optimizer._velocities[index].value.handle,  # noqa: SLF001
            beta1_power=tf.pow(optimizer.beta_1, taken),
            beta2_power=tf.pow(optimizer.beta_2, taken),
            lr=learning_rate,
            beta1=optimizer.beta_1,
            beta2=optimizer.beta_2,
            epsilon=optimizer.epsilon,
            grad=gradient,
        )

    optimizer.update_step = update_step
    return optimizer


def named(optimizer: Any, learning_rate: float | None = None) -> Any:
    """Return a Keras optimizer.

    Parameters
    ----------
    optimizer : str, mapping or keras.optimizers.Optimizer
        Its name in Keras ("sgd", "adagrad", "adadelta" ...), its name and settings,
        `{"name": "adadelta", "rho": 0.95}`, or an object, which is returned as it is.
    learning_rate : float, optional
        For one that is given by name. Default: Keras' own; mind that it is 0.001 for "adadelta",
        for which its inventor, and old tutorials, take 1.0.

    Raises
    ------
    UnknownNameError
        If Keras has none of that name.
    ConfigError
        If it takes no such setting, or an object comes with a learning rate.

    Examples
    --------
    >>> named({"name": "sgd", "momentum": 0.9}, 0.1).momentum
    0.9
    """
    optimizers = load_keras().optimizers
    if isinstance(optimizer, optimizers.Optimizer):
        if learning_rate is not None:
            raise ConfigError("an optimizer that is an object has its own learning rate.")
        return optimizer
    settings = dict(optimizer) if isinstance(optimizer, Mapping) else {"name": str(optimizer)}
    name = str(settings.pop("name", ""))
    known = {
        cls.__name__.lower(): cls
        for cls in vars(optimizers).values()
        if isinstance(cls, type) and issubclass(cls, optimizers.Optimizer)
    }
    for abstract in ("optimizer", "lossscaleoptimizer", "multioptimizer"):
        known.pop(abstract, None)
    known["muon"] = _muon()
    if name.lower() not in known:
        raise UnknownNameError("optimizer", name, known)
    if learning_rate is not None:
        settings["learning_rate"] = learning_rate
    try:
        return known[name.lower()](**settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the optimizer {name!r}: {error}") from error


@contextmanager
def averaged(model: Any) -> Iterator[None]:
    """Let a model have the moving average of its weights, if one is kept, as long as this lasts.

    Parameters
    ----------
    model : keras.Model
        Compiled, with an optimizer from :func:`build`.
    """
    averages: Any = ()
    if model.optimizer.use_ema and int(model.optimizer.iterations):
        averages = model.optimizer._model_variables_moving_average  # noqa: SLF001 - Keras has no other door
    kept = []
    for variable, average in zip(model.trainable_variables, averages, strict=False):
        kept.append((variable, variable.numpy()))
        variable.assign(average)
    try:
        yield
    finally:
        for variable, value in kept:
            variable.assign(value)


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
            matrix = self.zeropower_via_newtonschulz5(
                ops.reshape(update, (first, last)), self.ns_steps
            )
            out_first = self.transposed[self._get_variable_index(variable)]
            rows, columns = (first, last) if out_first else (last, first)
            scale = max(1.0, rows / columns) ** 0.5
            self.assign_sub(variable, lr * scale * ops.reshape(matrix, variable.shape))

        def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
            """Return the matrix with its singular values drawn towards 1, as Keras' own does.

            Each step multiplies by a polynomial of the Gram matrix x'x, which is the smaller one by
            far. So all steps are taken on that, and x is multiplied by their product once. Needs
            float32: in bfloat16 the small eigenvalues of the Gram matrix would be lost.
            """
            rows, columns = x.shape
            if rows < columns:
                return ops.transpose(self.zeropower_via_newtonschulz5(ops.transpose(x), steps))
            x = x / (ops.norm(x) + 1e-7)
            gram = ops.matmul(ops.transpose(x), x)
            product = ops.eye(columns)
            for step in range(steps):
                factor = self.muon_a * ops.eye(columns) + ops.matmul(
                    gram, self.muon_b * ops.eye(columns) + self.muon_c * gram
                )
                product = ops.matmul(factor, product) if step else factor
                gram = ops.matmul(factor, ops.matmul(factor, gram))
            return ops.matmul(x, product)

    return ConvolutionMuon
