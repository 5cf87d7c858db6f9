"""The words of a command line, read by argparse. What is wrong with them is told as of settings: in one line."""

import argparse
from collections.abc import Sequence

from dsm._errors import ConfigError
from dsm._near import COMMANDS, command_meant, did_you_mean


def parse(parser: argparse.ArgumentParser, words: Sequence[str], also: Sequence[str] = ()) -> argparse.Namespace:
    """The options and names among the words, in whatever order they come.

    Arguments:
        parser: knows the options. Its names, such as folders, are as many as there are.
        words: what follows the command.
        also: options that are looked at elsewhere, for messages.

    Raises:
        ConfigError: there is no such option, or its value is illegal.
    """
    parser.exit_on_error = False
    options = {*parser._option_string_actions, *also}
    for word in {*words} - options:  # argparse would take -multirun for -m with the value ultirun
        if word.startswith("-") and f"-{word}" in options:
            raise ConfigError(f"{word}: there is no such option; did you mean -{word}?")
    try:
        found, unknown = parser.parse_known_intermixed_args(words)
    except argparse.ArgumentError as error:
        raise ConfigError(_what_is_wrong(parser, error)) from None
    for word in sorted(unknown, key=lambda word: not word.startswith("-")):  # what follows an unknown option is no news
        name, equals, value = word.partition("=")
        given = f"{name} = {value}" if equals else word
        known = [option for option in options if option.startswith("--")]
        known += [str(action.metavar) for action in parser._actions if "=" in str(action.metavar)]
        bare = name.lstrip("-")
        close = command_meant(bare) if bare in COMMANDS else did_you_mean(name, known) or did_you_mean(bare, known)
        raise ConfigError(f"{given}: there is no such option{close or f'; {parser.prog} --help tells which there are'}")
    return found


def _what_is_wrong(parser: argparse.ArgumentParser, error: argparse.ArgumentError) -> str:
    """An error of argparse in the words of this project, where it is about an option with any value or with none."""
    for action in parser._actions:
        if action.option_strings and "/".join(action.option_strings) == error.argument_name:
            option = action.option_strings[0]
            if action.nargs == 0:
                value = error.message.removeprefix("ignored explicit argument ").strip("'")
                return f"{option} = {value}: takes no value"
            if action.nargs is None and action.choices is None:
                return f"{option}: must be followed by a value, as in {option} {action.metavar or action.dest.upper()}"
            return f"{option}: {error.message}"
    return str(error)
